"""What a batch is made of: several clips, each clean and in several versions, cut to the same segment.

A batch is decided by the seed and its number alone, so that a run can go on anywhere and every process knows what the
others hold.
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
from training.objective.batch import Rows
from training.settings import Data

_ORDER, _DRAW, _CLIPS = range(3)  # what random numbers are for
_TRIES = 16  # segments of a clip, then clips, that are tried before silence is taken for granted
_CENTRE_CLIPS = 64  # clean clips whose mean a batch of whole clips is held against
_AHEAD = 3  # batches read while the network works


@dataclass(frozen=True)
class Cut:
    """A batch, (batch,): rows of the table, clip after clip, the clean one first; where each is cut, in items; the
    number of its clip within the batch, in which one clip may come twice, cut differently."""

    rows: Rows
    starts: npt.NDArray[np.int64]
    clips: npt.NDArray[np.int64]


class Sampler:
    """Draws batches of `data.clips` clips x `data.versions` versions.

    Codecs, and bitrates within them, come equally often. Near-silent segments do not come. Clips that are too short are
    left out; a clip that has fewer versions than others gives some of them twice, and where no clip has enough, batches
    have fewer versions.
    """

    def __init__(self, store: Store, data: Data, segment_items: int, seed: int) -> None:
        self.store, self.items, self.seed = store, segment_items, seed
        self.clips_per_batch, self.data = data.clips, data
        table = store.table
        found: list[tuple[int, list[Rows]]] = []  # clean row, and rows by codec
        for clip in np.unique(table.clip):
            own = np.flatnonzero(table.clip == clip)
            clean, versions = own[table.clean[own]], own[~table.clean[own]]
            if len(clean) and len(versions) and store.items(int(clean[0])) >= segment_items:
                groups = [versions[table.codec[versions] == codec] for codec in np.unique(table.codec[versions])]
                found.append((int(clean[0]), groups))
        if not found:
            raise UserError(
                f"no training clip is {data.segment_s:g} s long and in 2 versions or more; lower data.segment_s"
            )
        self.degraded = min(data.versions - 1, max(_count(groups) for _, groups in found))
        self.clips = found

    def epoch(self) -> int:
        """Batches that go once through the clips."""
        return max(1, len(self.clips) // self.clips_per_batch)

    def draw(self, step: int) -> Cut:
        """Batch number `step`, from 0."""
        rng = np.random.default_rng((self.seed, _DRAW, step))
        rows: list[int] = []
        starts: list[int] = []
        for place in range(step * self.clips_per_batch, (step + 1) * self.clips_per_batch):
            chosen, start = self._audible(self._order(place), rng)
            rows += chosen
            starts += [start] * len(chosen)
        clips = np.repeat(np.arange(self.clips_per_batch), 1 + self.degraded)
        return Cut(np.array(rows), np.array(starts), clips)

    def _order(self, place: int) -> int:
        """The clip at a place of the endless sequence that shuffles all clips anew for every epoch."""
        epoch, position = divmod(place, len(self.clips))
        return int(_shuffled(self.seed, epoch, len(self.clips))[position])

    def _audible(self, clip: int, rng: np.random.Generator) -> tuple[list[int], int]:
        """Rows of a clip and where to cut them; of another clip when this one is silent nearly everywhere."""
        for _ in range(_TRIES):
            clean, groups = self.clips[clip]
            chosen = [clean, *_balanced(groups, self.degraded, rng)]
            for start in rng.integers(0, self.store.items(clean) - self.items + 1, _TRIES).tolist():
                if all(self.store.audible(row, start, self.items) for row in chosen):
                    return chosen, start
            clip = int(rng.integers(0, len(self.clips)))
        raise UserError("hardly any training clip has an audible segment in all of its versions; use other music")

    def read(self, cut: Cut, share: slice = slice(None)) -> Tensor:
        """(batch, items, ...): the fronts of a batch, or of a part of its rows."""
        pairs = zip(cut.rows[share].tolist(), cut.starts[share].tolist(), strict=True)
        return torch.stack([self.store.cut(row, start, self.items) for row, start in pairs])

    def stream(self, first: int, share: slice = slice(None)) -> Generator[tuple[Cut, Tensor]]:
        """Without end from batch number `first` on: batches, and the fronts of one process's share of the clips, read
        ahead in threads."""
        versions = 1 + self.degraded
        rows = slice(*(None if end is None else end * versions for end in (share.start, share.stop)))

        def load(step: int) -> tuple[Cut, Tensor]:
            cut = self.draw(step)
            return cut, self.read(cut, rows)

        with ThreadPoolExecutor(_AHEAD) as pool:
            waiting = [pool.submit(load, step) for step in range(first, first + _AHEAD)]
            while True:
                yield waiting.pop(0).result()
                waiting.append(pool.submit(load, first + _AHEAD))
                first += 1

    def whole_clips(self, step: int) -> Rows:
        """Rows of whole degraded clips, and of clean ones to be their references, for batch number `step`."""
        rng = np.random.default_rng((self.seed, _CLIPS, step))
        table = self.store.table
        coded, others, clean = map(np.flatnonzero, (table.coded, ~table.coded & ~table.clean, table.clean))
        share = self.data.rows_distorted if len(coded) else 1.0
        distorted = round(share * self.data.rows) if len(others) else 0
        found = ((coded, self.data.rows - distorted), (others, distorted), (clean, _CENTRE_CLIPS))
        return np.concatenate([rng.choice(rows, min(count, len(rows)), replace=False) for rows, count in found])


@lru_cache(4)
def _shuffled(seed: int, epoch: int, count: int) -> Rows:
    return np.random.default_rng((seed, _ORDER, epoch)).permutation(count)


def _count(groups: list[Rows]) -> int:
    return sum(map(len, groups))


def _balanced(groups: list[Rows], count: int, rng: np.random.Generator) -> list[int]:
    """`count` rows, in turn from each group, the groups in random order; none again before all have come."""
    chosen: list[int] = []
    while len(chosen) < count:
        queues = [rng.permutation(groups[place]).tolist() for place in rng.permutation(len(groups))]
        while any(queues) and len(chosen) < count:
            chosen += [queue.pop() for queue in queues if queue]
    return chosen[:count]
