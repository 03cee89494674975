"""Batches: several clips, each clean and in several versions, cut to the same segment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from deepaq.errors import UserError
from training.loss import CLEAN, UNCODED, bitrate_labels
from training.recipe import Data
from training.store import Store
from training.table import Table

Rows = npt.NDArray[np.int64]
Rng = np.random.Generator


@dataclass(frozen=True)
class Labels:
    """Per sample of a batch: (batch,). row: in the table. clip: number. clean: no degradation. codec: number, see
    `training.loss`. rank: label of the bitrate term."""

    row: Rows
    clip: Tensor
    clean: Tensor
    codec: Tensor
    rank: Tensor
    mos: Tensor

    @property
    def own_clean(self) -> Tensor:
        """(batch,): the place of every sample's clean version in the batch."""
        places = self.clean.nonzero()[:, 0]
        same = self.clip[:, None] == self.clip[places][None]
        return places[same.int().argmax(dim=1)]


class Labeller:
    """Turns rows of a table into `Labels`; bitrates mean the same in every batch."""

    def __init__(self, table: Table, literal_bitrate: bool) -> None:
        self.table = table
        names = [str(name) for name in np.unique(table.codec[table.coded])]
        numbers = np.full(len(table), UNCODED)
        numbers[table.clean] = CLEAN
        for number, name in enumerate(names, start=CLEAN + 1):
            numbers[table.codec == name] = number
        self.codec = torch.from_numpy(numbers)
        self.rank = bitrate_labels(self.codec, torch.from_numpy(table.bitrate), literal_bitrate)

    def __call__(self, rows: Rows) -> Labels:
        table = self.table
        return Labels(
            rows,
            torch.from_numpy(table.clip[rows]),
            torch.from_numpy(table.clean[rows]),
            self.codec[rows],
            self.rank[rows],
            torch.from_numpy(table.mos[rows]).float(),
        )


class Segments:
    """Draws batches of `data.clips` clips x `data.versions` versions, the clean one first."""

    def __init__(self, store: Store, data: Data, segment_items: int, rng: Rng) -> None:
        self.store, self.data, self.items, self.rng = store, data, segment_items, rng
        table = store.table
        versions: dict[int, list[int]] = {}
        for row in np.flatnonzero(~table.clean):
            versions.setdefault(int(table.clip[row]), []).append(int(row))
        clean = {int(table.clip[row]): int(row) for row in np.flatnonzero(table.clean)}
        self.clips = [
            (clean[clip], np.array(rows)) for clip, rows in versions.items() if store.items(clean[clip]) >= self.items
        ]
        if not self.clips:
            raise UserError(f"no training clip is {data.segment_s:g} s long; lower data.segment_s")

    def epoch(self) -> int:
        """Batches that go once through the clips."""
        return max(1, len(self.clips) // self.data.clips)

    def __iter__(self) -> Iterator[tuple[Tensor, Rows]]:
        """Without end: fronts (batch, items, ...) and their rows."""
        waiting: list[int] = []
        while True:
            while len(waiting) < self.data.clips:
                waiting += self.rng.permutation(len(self.clips)).tolist()
            chosen, waiting = waiting[: self.data.clips], waiting[self.data.clips :]
            rows, fronts = [], []
            for clip in chosen:
                clean, versions = self.clips[clip]
                drawn = self.rng.permutation(versions)[: self.data.versions - 1]
                start = int(self.rng.integers(0, self.store.items(clean) - self.items + 1))
                rows += [clean, *drawn.tolist()]
                fronts += [self.store.cut(row, start, self.items) for row in (clean, *drawn)]
            yield torch.stack(fronts), np.array(rows)
