"""Labels of a batch: codec, rank of the bitrate and MOS of every sample, and which samples belong together."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.data.table import CLEAN_CODEC, NO_CODEC, Column, Mask, Rows, Table
from training.objective.loss import CLEAN, UNCODED, bitrate_labels

_SEVERITY = re.compile(r"(.+)-(\d+)")  # name of a distortion's condition, such as noise-3


@dataclass(frozen=True)
class Labels:
    """Labels of a batch, each (batch,). own_clean: place of the sample's clean clip. clean: not degraded. codec: its
    number, see `training.objective.loss`. rank: label of the bitrate term. by_clip: places, clip after clip.

    sizes: samples of every clip. codecs: how many the table has. Whatever decides the shape of a result is known here,
    so that no step waits for a device.
    """

    own_clean: Tensor
    clean: Tensor
    codec: Tensor
    rank: Tensor
    mos: Tensor
    by_clip: Tensor
    sizes: tuple[int, ...]
    codecs: int

    def to(self, device: torch.device) -> Labels:
        """Return a copy with its tensors on `device`."""
        names = (entry.name for entry in fields(self) if entry.name not in ("sizes", "codecs"))
        moved: dict[str, Any] = {name: sent(getattr(self, name), device) for name in names}
        return replace(self, **moved)

    @property
    def clips(self) -> list[Tensor]:
        """Places of the samples of every clip: (clips, n) if all have as many, else one (1, n) per clip."""
        if len(set(self.sizes)) == 1:
            return [self.by_clip.view(len(self.sizes), -1)]
        return [places[None] for places in self.by_clip.split(list(self.sizes))]


class Labeller:
    """Makes `Labels` from rows of a table; a bitrate has the same label in every batch."""

    def __init__(self, table: Table, literal_bitrate: bool = False, severities: bool = False) -> None:
        """literal_bitrate: see `training.objective.loss`. severities: rank the severities of a distortion like the
        bitrates of a codec."""
        self.table = table
        groups, order = table.codec.astype(object), table.bitrate.copy()
        if severities:
            for row in np.flatnonzero(~table.clean & ~table.coded).tolist():
                if found := _SEVERITY.fullmatch(str(table.condition[row])):
                    groups[row], order[row] = f"distortion {found[1]}", -float(found[2])
        numbers = np.full(len(table), UNCODED)
        names, places = np.unique(groups.astype(str), return_inverse=True)
        ranked = {name for name in names.tolist() if name not in (CLEAN_CODEC, NO_CODEC)}
        for number, name in enumerate(sorted(ranked), start=CLEAN + 1):
            numbers[places == names.tolist().index(name)] = number
        numbers[table.clean] = CLEAN
        self.codec, self.codecs = torch.from_numpy(numbers), len(ranked)
        self.rank = bitrate_labels(self.codec, torch.from_numpy(order), literal_bitrate).float()

    def __call__(self, rows: Rows, clips: Rows | None = None, middles: Column | None = None) -> Labels:
        """Return the labels of rows. clips: numbers that replace the table's. middles: centres of the segments in
        seconds, for labels over time; labels of the whole clips by default."""
        table = self.table
        mos = table.mos[rows]
        if middles is not None:
            mos = np.array([table.mos_at(*pair) for pair in zip(rows.tolist(), middles.tolist(), strict=True)])
        clips = table.clip[rows] if clips is None else clips
        clean = table.clean[rows]
        return Labels(
            torch.from_numpy(_own_clean(clips, clean)),
            torch.from_numpy(clean),
            self.codec[rows],
            self.rank[rows],
            torch.from_numpy(mos).float(),
            torch.from_numpy(np.argsort(clips, kind="stable")),
            tuple(np.unique(clips, return_counts=True)[1].tolist()),
            self.codecs,
        )


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Return `tensor` on `device`; a GPU copies it while this process works."""
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


def _own_clean(clips: Rows, clean: Mask) -> Rows:
    """Return the place of the first clean sample of every sample's clip, (batch,)."""
    found: Rows = ((clips[:, None] == clips) & clean).argmax(axis=1)
    return found
