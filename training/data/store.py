"""What a network's fixed first stage gives for the rows of a table, to be cut at will."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from deepaq.audio import SILENCE_DBFS
from deepaq.audio.level import gain, mid, without
from deepaq.audio.stream import as_batch
from deepaq.backbones.backbone import Backbone
from deepaq.progress import Progress
from manifests.jobs import cpu_count
from training.data.cache import Cache
from training.data.table import Table

_QUIET = 2 * 10 ** (SILENCE_DBFS / 10)  # mean square; 3 dB above what networks refuse, for the blocks are coarse


class Store:
    """The fronts of a table's rows. Rows of one clip are equally long.

    cache: their audio, row by row. front_rate: items per second of audio. fronts: computed beforehand and held in
    memory, one (items, ...) tensor per row; None when the samples themselves are the front.
    """

    def __init__(self, table: Table, cache: Cache, front_rate: float, fronts: Sequence[Tensor] | None = None) -> None:
        self.table, self.cache, self.front_rate, self._fronts = table, cache, front_rate, fronts
        self._rows = list(range(len(table)))

    def items(self, row: int) -> int:
        """How long a row's front is."""
        return self.cache.frames(self._rows[row]) if self._fronts is None else len(self._fronts[row])

    def whole(self, row: int) -> Tensor:
        """(items, ...)."""
        return self.cut(row, 0, self.items(row))

    def cut(self, row: int, start: int, items: int) -> Tensor:
        """(items, ...) from item `start` on."""
        if self._fronts is None:
            return torch.from_numpy(self.cache.samples(self._rows[row], start, items))
        return self._fronts[row][start : start + items]

    def audible(self, row: int, start: int, items: int) -> bool:
        """Whether neither half of a cut is near-silent."""
        scale = self.cache.rate / self.front_rate
        return self.cache.audible(self._rows[row], round(start * scale), round(items * scale), _QUIET)

    def part(self, chosen: npt.NDArray[np.bool_]) -> Store:
        """Only the rows where `chosen`, (rows,), is True."""
        rows = np.flatnonzero(chosen).tolist()
        fronts = None if self._fronts is None else [self._fronts[row] for row in rows]
        part = Store(self.table.take(chosen), self.cache, self.front_rate, fronts)
        part._rows = [self._rows[row] for row in rows]
        return part


def fill(backbone: Backbone, table: Table, cache: Cache, quiet: bool = False) -> Store:
    """Pass every row through the front, in threads; nothing to do when the samples are the front.

    Memory: 62 kB per second of audio for the compact network.
    """
    if type(backbone).front is Backbone.front:
        return Store(table, cache, backbone.front_rate)

    clean = {int(table.clip[row]): int(row) for row in np.flatnonzero(table.clean)}

    def front(row: int) -> Tensor:
        with torch.inference_mode():
            own, ours = as_batch(cache.samples(row)), as_batch(cache.samples(clean[int(table.clip[row])]))
            return backbone.front(without(own, gain(mid(ours), mid(own))))[0].clone()

    fronts = []
    with ThreadPoolExecutor(cpu_count()) as pool, Progress(len(table), "front", "clip", quiet) as progress:
        for row in pool.map(front, range(len(table))):
            fronts.append(row)
            progress.advance()
    return Store(table, cache, backbone.front_rate, fronts)
