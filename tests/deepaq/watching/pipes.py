"""Pipes that are written to while a watch reads them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import numpy as np

from deepaq.audio import Samples

RATE = 48_000
Part = bytes | float  # bytes to write, or seconds to wait


def header(length: int = 0xFFFFFFFF, rate: int = RATE, channels: int = 2) -> bytes:
    """The header of 16-bit WAV with this many bytes of samples, unknown by default."""
    form = np.array([1 | channels << 16, rate, rate * channels * 2, channels * 2 | 16 << 16], "<u4").tobytes()
    return (
        b"RIFF" + length.to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0" + form + b"data" + length.to_bytes(4, "little")
    )


def raw(samples: Samples) -> bytes:
    """16-bit samples."""
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


@contextmanager
def pipe(path: Path, parts: Iterable[Part]) -> Iterator[Path]:
    """Yield a named pipe into which a thread writes the parts; a reader may leave early."""
    os.mkfifo(path)
    thread = Thread(target=_write, args=(path, parts), daemon=True)
    thread.start()
    yield path
    thread.join(10)
    assert not thread.is_alive()


def _write(path: Path, parts: Iterable[Part]) -> None:
    try:
        with path.open("wb", buffering=0) as file:
            for part in parts:
                if isinstance(part, float):
                    time.sleep(part)
                    continue
                view = memoryview(part)
                while view:
                    view = view[file.write(view) :]
    except BrokenPipeError:
        pass


def chunked(data: bytes, sizes: Iterable[int]) -> list[Part]:
    """Cut bytes into chunks of these sizes, over and over."""
    found: list[Part] = []
    sizes = list(sizes)
    start = number = 0
    while start < len(data):
        found.append(data[start : start + sizes[number % len(sizes)]])
        start, number = start + len(found[-1]), number + 1  # type: ignore[arg-type]
    return found
