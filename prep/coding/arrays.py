"""Codecs written in Python that work on arrays, such as neural ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from deepaq.audio import Samples, read, resample, to_mono, to_stereo
from deepaq.errors import UserError
from prep.coding.coding import Coding
from prep.coding.lossless import packed
from prep.coding.program import Encoded, Program


class ArrayCodec(ABC):
    """A codec as a pair of functions on arrays; the bytes between them are its bitstream and decide the bitrate.

    name: as in condition names. sample_rate: in Hz. channels: 1 (mean of the channels) or 2. kbps: supported bitrates,
    ascending. version: part of the conditions' ids; change it whenever the decoded samples change, so that old and new
    ones never mix. constant: a file that misses the requested bitrate by more than 15 % is a failed row.

    The constructor takes no arguments and is called once per worker process. Decoded clips are stored losslessly. An
    exception fails only the current row; a codec that never returns is not stopped.
    """

    name: ClassVar[str]
    sample_rate: ClassVar[int]
    channels: ClassVar[int] = 2
    kbps: ClassVar[Sequence[int]]
    version: ClassVar[str]
    constant: ClassVar[bool] = False

    @abstractmethod
    def encode(self, samples: Samples, kbps: int) -> bytes:
        """Code float32 samples, (frames, channels) within -1 to 1, at about `kbps`; deterministic."""

    @abstractmethod
    def decode(self, stream: bytes, kbps: int) -> Samples:
        """Decode the output of `encode` to float32 (frames, channels), without delay and at most 0.1 s longer."""


class Arrays(Program):
    """Runs an `ArrayCodec` in this process."""

    name = "python"

    def __init__(self, kind: type[ArrayCodec]) -> None:
        self.kind = kind

    @cached_property
    def codec(self) -> ArrayCodec:
        return self.kind()

    def version(self) -> str:
        return self.kind.version

    def missing(self, encoder: str) -> str | None:
        return None

    def options(self, encoder: str, kbps: int, sample_rate: int, more: Mapping[str, str]) -> dict[str, str]:
        return {**more, "kbps": str(kbps)}

    def encode(
        self, clip: Path, codings: Sequence[Coding], folder: Path, timeout: float
    ) -> dict[Coding, Encoded | str]:
        """Encode and decode one coding after another; ignores `timeout`, which cannot be enforced within a process."""
        audio = read(clip)
        samples = resample(audio.samples, audio.sample_rate, self.kind.sample_rate)
        samples = to_mono(samples)[:, None] if self.kind.channels == 1 else to_stereo(samples)
        return {coding: self._encode(np.clip(samples, -1, 1), coding, folder) for coding in codings}

    def _encode(self, samples: Samples, coding: Coding, folder: Path) -> Encoded | str:
        try:
            stream, decoded = self.both_ways(samples, coding.kbps)
        except Exception as error:  # any exception of foreign code is a failed row
            why = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            return f"{coding.codec}: {why.splitlines()[0]}"
        suffix, content = packed(to_stereo(decoded), coding.sample_rate)
        path = folder / f"{coding.name}{suffix}"
        path.write_bytes(content)
        return Encoded(path, len(stream))

    def both_ways(self, samples: Samples, kbps: int) -> tuple[bytes, Samples]:
        """Return bitstream and decoded signal of `samples`; raises UserError if the codec breaks its contract."""
        stream = self.codec.encode(samples.copy(), kbps)
        if not isinstance(stream, bytes) or not stream:
            raise UserError(f"`encode` gave {type(stream).__name__} of length {len(stream)} instead of bytes")
        decoded = np.asarray(self.codec.decode(stream, kbps), np.float32)
        if decoded.ndim != 2 or decoded.shape[1] != samples.shape[1] or not len(decoded):
            raise UserError(f"`decode` gave shape {decoded.shape} instead of (frames, {samples.shape[1]})")
        if not np.isfinite(decoded).all():
            raise UserError("`decode` gave NaN or infinite samples")
        return stream, decoded
