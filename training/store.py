"""The fixed first stage of a network, computed once for every clip and kept in memory, to be cut at will."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from deepaq.audio import Samples, fit, read, resample, to_mono
from deepaq.backbone import Backbone
from manifests.dataset import Dataset
from manifests.jobs import cpu_count
from training.table import Table


class Store:
    """What a network's `front` gives for the rows of a table; rows of one clip are equally long.

    table: the rows. fronts: one (items, ...) tensor per row.
    Memory: 37 kB per second of audio for the compact network, 96 kB for a network on 24 kHz samples.
    """

    def __init__(self, table: Table, fronts: Sequence[Tensor]) -> None:
        self.table, self._fronts = table, fronts

    def items(self, row: int) -> int:
        """How long a row's front is."""
        return len(self._fronts[row])

    def whole(self, row: int) -> Tensor:
        """(items, ...)."""
        return self._fronts[row]

    def cut(self, row: int, start: int, items: int) -> Tensor:
        """(items, ...) from item `start` on."""
        return self._fronts[row][start : start + items]

    def part(self, chosen: npt.NDArray[np.bool_]) -> Store:
        """Only the rows where `chosen`, (rows,), is True."""
        return Store(self.table.take(chosen), [self._fronts[row] for row in np.flatnonzero(chosen).tolist()])


def fill(dataset: Dataset, backbone: Backbone, table: Table, quiet: bool = False) -> Store:
    """Read every row's audio and pass it through the front, in threads."""
    seconds = _clip_seconds(dataset, table)

    def front(row: int) -> Tensor:
        samples = _load(dataset, str(table.path[row]), backbone.sample_rate)
        samples = fit(samples, round(seconds[int(table.clip[row])] * backbone.sample_rate))
        with torch.inference_mode():
            return backbone.front(torch.from_numpy(samples)[None])[0].clone()

    with ThreadPoolExecutor(cpu_count()) as pool:
        rows = pool.map(front, range(len(table)))
        return Store(
            table, list(tqdm(rows, total=len(table), desc="read", unit="clip", file=sys.stderr, disable=quiet))
        )


def _clip_seconds(dataset: Dataset, table: Table) -> dict[int, float]:
    lengths = {
        row["reference_id"]: row["frames"] / row["sample_rate"]
        for row in dataset.references(["frames", "sample_rate"]).to_pylist()
        if row["frames"]
    }
    clean = table.clean
    return {int(clip): lengths[str(name)] for clip, name in zip(table.clip[clean], table.row_id[clean], strict=True)}


def _load(dataset: Dataset, relative: str, rate: int) -> Samples:
    audio = read(dataset.path(relative))
    return resample(to_mono(audio.samples), audio.sample_rate, rate)
