"""Batches of segments: several degraded clips of a few references, or segments shuffled over all files.

A batch is determined by the seed and its number alone, so that a run can resume anywhere and every process knows what
the others hold.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from deepaq.errors import UserError
from training.data.store import Store
from training.data.table import Mask, Rows, Table
from training.settings import Data

_ORDER, _DRAW, _CLIPS = range(3)  # purposes of random numbers
_TRIES = 16  # segments of a clip, then clips, that are tried before giving up on silence
_CENTRE_CLIPS = 64  # clean clips whose mean is the reference of a batch of whole clips
_AHEAD = 3  # batches read while the network works


@dataclass(frozen=True)
class Cut:
    """A batch, (batch,): rows of the table, where each segment starts in items, and the number of its clip within the
    batch. In batches by clips the clean row of a clip comes first; a clip that is drawn twice has two numbers."""

    rows: Rows
    starts: npt.NDArray[np.int64]
    clips: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """The size of batches. rows: of one batch. steps: batches of one pass through the training clips. degraded: number
    of degraded files per clip in a batch by clips."""

    rows: int
    steps: int
    degraded: int


def usable(table: Table, long_enough: Mask) -> Mask:
    """Return the rows of clips with a clean file, a degraded one, and a length that `long_enough`, (rows,), accepts."""
    clean = np.unique(table.clip[table.clean & long_enough])
    found: Mask = np.isin(table.clip, np.intersect1d(clean, np.unique(table.clip[~table.clean])))
    return found


def size(table: Table, chosen: Mask, data: Data) -> Size:
    """Return the size of batches drawn from the `chosen` rows, (rows,); UserError when there are none."""
    if not chosen.any():
        raise UserError(f"no training clip is {data.segment_s:g} s long and has 2 files or more; lower data.segment_s")
    counts = np.unique(table.clip[chosen & ~table.clean], return_counts=True)[1]
    degraded = min(data.versions - 1, int(counts.max()))
    if data.batch == "shuffled":  # a pass goes through all files
        rows = data.clips * data.versions
        return Size(rows, max(1, int(chosen.sum()) // rows), degraded)
    return Size(data.clips * (1 + degraded), max(1, len(counts) // data.clips), degraded)


class Sampler:
    """Draws batches of `data.clips` clips x `data.versions` files, the same segment of each.

    Codecs, and bitrates within them, are drawn equally often. Near-silent segments are not drawn. Clips that are too
    short are left out; a clip with fewer files than others gives some of them twice, and if no clip has enough, batches
    have fewer.
    """

    def __init__(self, store: Store, data: Data, segment_items: int, seed: int) -> None:
        self.store, self.items, self.seed, self.data = store, segment_items, seed, data
        table = store.table
        long_enough = np.zeros(len(table), bool)
        for row in np.flatnonzero(table.clean).tolist():
            long_enough[row] = store.items(row) >= segment_items
        chosen = usable(table, long_enough)
        self.size = size(table, chosen, data)
        self.rows = np.flatnonzero(chosen)
        self.clips = [_by_codec(table, rows) for rows in table.by_clip(chosen).values()]

    def draw(self, step: int) -> Cut:
        """Draw batch number `step`, from 0."""
        rng = np.random.default_rng((self.seed, _DRAW, step))
        rows: list[int] = []
        starts: list[int] = []
        count = self.data.clips
        for place in range(step * count, (step + 1) * count):
            chosen, start = self._audible(self._order(place, len(self.clips)), rng)
            rows += chosen
            starts += [start] * len(chosen)
        return Cut(np.array(rows), np.array(starts), np.repeat(np.arange(count), 1 + self.size.degraded))

    def _order(self, place: int, count: int) -> int:
        """Return the number at a place of the endless sequence that shuffles `count` numbers anew for every pass."""
        epoch, position = divmod(place, count)
        return int(_shuffled(self.seed, epoch, count)[position])

    def _audible(self, clip: int, rng: np.random.Generator) -> tuple[list[int], int]:
        """Return rows of a clip and a start; of another clip if this one is silent nearly everywhere."""
        for _ in range(_TRIES):
            clean, groups = self.clips[clip]
            chosen = [clean, *_balanced(groups, self.size.degraded, rng)]
            for start in rng.integers(0, self.store.items(clean) - self.items + 1, _TRIES).tolist():
                if all(self.store.audible(row, start, self.items) for row in chosen):
                    return chosen, start
            clip = int(rng.integers(0, len(self.clips)))
        raise UserError("hardly any training clip has an audible segment in all of its files; use other music")

    def read(self, cut: Cut, share: slice = slice(None)) -> Tensor:
        """Return the fronts of a batch, (batch, items, ...), or of a part of its rows."""
        pairs = zip(cut.rows[share].tolist(), cut.starts[share].tolist(), strict=True)
        return torch.stack([self.store.cut(row, start, self.items) for row, start in pairs])

    def stream(self, first: int, share: slice = slice(None), pin: bool = False) -> Generator[tuple[Cut, Tensor]]:
        """Yield batches from number `first` on, each with the fronts of one process's share of the rows.

        Batches are read ahead in threads. pin: into memory that a GPU copies from without waiting.
        """

        def load(step: int) -> tuple[Cut, Tensor]:
            cut = self.draw(step)
            fronts = self.read(cut, share)
            return cut, fronts.pin_memory() if pin else fronts

        with ThreadPoolExecutor(_AHEAD) as pool:
            waiting = [pool.submit(load, step) for step in range(first, first + _AHEAD)]
            while True:
                yield waiting.pop(0).result()
                waiting.append(pool.submit(load, first + _AHEAD))
                first += 1

    def whole_clips(self, step: int) -> Rows:
        """Return rows of whole degraded clips, and of clean ones as their references, for batch number `step`."""
        rng = np.random.default_rng((self.seed, _CLIPS, step))
        table = self.store.table
        coded, others, clean = map(np.flatnonzero, (table.coded, ~table.coded & ~table.clean, table.clean))
        share = self.data.rows_distorted if len(coded) else 1.0
        distorted = round(share * self.data.rows) if len(others) else 0
        found = ((coded, self.data.rows - distorted), (others, distorted), (clean, _CENTRE_CLIPS))
        return np.concatenate([rng.choice(rows, min(count, len(rows)), replace=False) for rows, count in found])


class Shuffled(Sampler):
    """Draws batches of `data.clips` x `data.versions` segments, each of a file and at a place of its own."""

    def draw(self, step: int) -> Cut:
        rng = np.random.default_rng((self.seed, _DRAW, step))
        places = range(step * self.size.rows, (step + 1) * self.size.rows)
        found = [self._segment(int(self.rows[self._order(place, len(self.rows))]), rng) for place in places]
        rows, starts = (np.array(column) for column in zip(*found, strict=True))
        return Cut(rows, starts, np.unique(self.store.table.clip[rows], return_inverse=True)[1])

    def _segment(self, row: int, rng: np.random.Generator) -> tuple[int, int]:
        for _ in range(_TRIES):
            for start in rng.integers(0, self.store.items(row) - self.items + 1, _TRIES).tolist():
                if self.store.audible(row, start, self.items):
                    return row, start
            row = int(rng.choice(self.rows))
        raise UserError("hardly any training file has an audible segment; use other music")


def sampler(store: Store, data: Data, segment_items: int, seed: int) -> Sampler:
    """Return the sampler that `data.batch` names."""
    return (Shuffled if data.batch == "shuffled" else Sampler)(store, data, segment_items, seed)


def _by_codec(table: Table, own: Rows) -> tuple[int, list[Rows]]:
    """Return the clean row of a clip, and its degraded rows by codec."""
    degraded = own[~table.clean[own]]
    codecs = table.codec[degraded]
    return int(own[table.clean[own]][0]), [degraded[codecs == codec] for codec in np.unique(codecs)]


@lru_cache(4)
def _shuffled(seed: int, epoch: int, count: int) -> Rows:
    return np.random.default_rng((seed, _ORDER, epoch)).permutation(count)


def _balanced(groups: list[Rows], count: int, rng: np.random.Generator) -> list[int]:
    """Return `count` rows, in turn from each group, the groups in random order; no row again before all were drawn."""
    chosen: list[int] = []
    while len(chosen) < count:
        queues = [rng.permutation(groups[place]).tolist() for place in rng.permutation(len(groups))]
        while any(queues) and len(chosen) < count:
            chosen += [queue.pop() for queue in queues if queue]
    return chosen[:count]
