"""Output of a network's fixed first stage for the rows of a table, to be cut anywhere."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch
from torch import Tensor

from deepaq.audio import SILENCE_DBFS
from deepaq.audio.stream import as_batch
from deepaq.backbones.backbone import Backbone
from deepaq.backbones.level import gain, mid, without
from deepaq.progress import Progress
from manifests.jobs import cpu_count
from training.data.cache import Cache
from training.data.table import Mask, Table

_QUIET = 2 * 10 ** (SILENCE_DBFS / 10)  # mean square; 3 dB above what networks refuse, for the blocks are coarse
_AT_ONCE = 64  # rows that the threads work on
IN_MEMORY = 4 * 2**30  # bytes of fronts beyond which they are kept in a file


class Store:
    """Fronts of a table's rows. Rows of one clip are equally long.

    cache: their audio, row by row. front_rate: items per second of audio. fronts: computed beforehand, one
    (items, ...) tensor per row; None if the samples themselves are the front.
    """

    def __init__(self, table: Table, cache: Cache, front_rate: float, fronts: Sequence[Tensor] | None = None) -> None:
        self.table, self.cache, self.front_rate, self._fronts = table, cache, front_rate, fronts
        self._rows = np.arange(len(table))

    def items(self, row: int) -> int:
        """Return the length of a row's front."""
        own = int(self._rows[row])
        return self.cache.frames(own) if self._fronts is None else len(self._fronts[own])

    def whole(self, row: int) -> Tensor:
        """Return a row's front, (items, ...)."""
        return self.cut(row, 0, self.items(row))

    def cut(self, row: int, start: int, items: int) -> Tensor:
        """Return (items, ...) of a row's front from item `start` on."""
        own = int(self._rows[row])
        if self._fronts is None:
            return torch.from_numpy(self.cache.samples(own, start, items))
        return self._fronts[own][start : start + items]

    def audible(self, row: int, start: int, items: int) -> bool:
        """Tell whether neither half of a cut is near-silent."""
        scale = self.cache.rate / self.front_rate
        return self.cache.audible(int(self._rows[row]), round(start * scale), round(items * scale), _QUIET)

    def part(self, chosen: Mask) -> Store:
        """Return only the rows at which `chosen`, (rows,), is True."""
        part = Store(self.table.take(chosen), self.cache, self.front_rate, self._fronts)
        part._rows = self._rows[chosen]
        return part


class InFile(Sequence[Tensor]):
    """Float32 tensors in a file, one after another; each is mapped into memory while it is used, and no longer."""

    def __init__(self, file: BinaryIO, shapes: Sequence[tuple[int, ...]]) -> None:
        self._file, self._shapes = file, shapes
        self._starts = 4 * np.cumsum([0, *map(math.prod, shapes)])

    @classmethod
    def written(cls, folder: Path, tensors: Iterable[Tensor]) -> InFile:
        """Write `tensors` to a file in `folder` without a name, which is gone when the process ends."""
        folder.mkdir(parents=True, exist_ok=True)
        file = cast(BinaryIO, tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
        shapes = []
        for tensor in tensors:
            file.write(tensor.contiguous().numpy().tobytes())
            shapes.append(tuple(tensor.shape))
        file.flush()
        return cls(file, shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, row: int) -> Tensor:  # type: ignore[override]
        # Private pages, which torch may take as they are; nothing is ever written to them.
        return torch.from_numpy(
            np.memmap(self._file, np.float32, "c", offset=int(self._starts[row]), shape=self._shapes[row])
        )


def fill(backbone: Backbone, table: Table, cache: Cache, quiet: bool = False, in_memory: int = IN_MEMORY) -> Store:
    """Pass every row through the front, in threads; nothing to do when the samples are the front.

    Fronts of more than `in_memory` bytes are kept in a file beside the cached audio.
    """
    if type(backbone).front is Backbone.front:
        return Store(table, cache, backbone.front_rate)
    clean = {int(table.clip[row]): int(row) for row in np.flatnonzero(table.clean)}

    def front(row: int) -> Tensor:
        with torch.inference_mode():
            own, ours = as_batch(cache.samples(row)), as_batch(cache.samples(clean[int(table.clip[row])]))
            return backbone.front(without(own, gain(mid(ours), mid(own))))[0].clone()

    def fronts() -> Iterator[Tensor]:
        with ThreadPoolExecutor(cpu_count()) as pool, Progress(len(table), "front", "clip", quiet) as progress:
            for first in range(0, len(table), _AT_ONCE):
                for tensor in pool.map(front, range(first, min(first + _AT_ONCE, len(table)))):
                    progress.advance()
                    yield tensor

    large = front_bytes(backbone, float(table.seconds.sum())) > in_memory
    held = InFile.written(cache.folder, fronts()) if large else list(fronts())
    return Store(table, cache, backbone.front_rate, held)


def front_bytes(backbone: Backbone, seconds: float) -> int:
    """Return the size of the fronts of so many seconds of audio in bytes; 0 if the samples are the front.

    Measured on one second of noise: 62 kB per second for the compact network.
    """
    if type(backbone).front is Backbone.front:
        return 0
    with torch.inference_mode():
        found = backbone.front(_noise(backbone))
    return round(seconds * backbone.front_rate) * found[0, 0].numel() * found.element_size()


def disk_bytes(backbone: Backbone, seconds: float) -> int:
    """Return what the fronts of so many seconds of audio take on the disk; 0 when memory holds them."""
    size = front_bytes(backbone, seconds)
    return size if size > IN_MEMORY else 0


def described_bytes(backbone: Backbone, rows: int) -> int:
    """Return the size of what a head for whole clips takes of so many rows; 0 without such a head."""
    if not backbone.clip_head:
        return 0
    with torch.inference_mode():
        found = backbone.describe(backbone.front(_noise(backbone)))
    return rows * found[0].numel() * found.element_size()


def _noise(backbone: Backbone) -> Tensor:
    """Return one second, as the network takes it."""
    shape = (1, backbone.sample_rate) if backbone.channels == 1 else (1, backbone.channels, backbone.sample_rate)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))
