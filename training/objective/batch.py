"""Labels of a batch: clip, codec, rank of the bitrate and MOS of every sample."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from training.data.table import CLEAN_CODEC, NO_CODEC, Column, Rows, Table
from training.objective.loss import CLEAN, UNCODED, bitrate_labels

_SEVERITY = re.compile(r"(.+)-(\d+)")  # name of a distortion's condition, such as noise-3


@dataclass(frozen=True)
class Labels:
    """Labels per sample, each (batch,). row: in the table. clip: number. clean: not degraded. codec: number, see
    `training.objective.loss`. rank: label of the bitrate term."""

    row: Rows
    clip: Tensor
    clean: Tensor
    codec: Tensor
    rank: Tensor
    mos: Tensor

    def to(self, device: torch.device) -> Labels:
        """Return a copy with its tensors on `device`."""
        tensors = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "row"}
        return replace(self, **{name: tensor.to(device) for name, tensor in tensors.items()})

    @property
    def own_clean(self) -> Tensor:
        """Place of every sample's clean clip in the batch, (batch,)."""
        places = self.clean.nonzero()[:, 0]
        same = self.clip[:, None] == self.clip[places][None]
        return places[same.int().argmax(dim=1)]


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
        self.codec = torch.from_numpy(numbers)
        self.rank = bitrate_labels(self.codec, torch.from_numpy(order), literal_bitrate)

    def __call__(self, rows: Rows, clips: Rows | None = None, middles: Column | None = None) -> Labels:
        """Return the labels of rows. clips: numbers that replace the table's. middles: centres of the segments in
        seconds, for labels over time; labels of the whole clips by default."""
        table = self.table
        mos = table.mos[rows]
        if middles is not None:
            mos = np.array([table.mos_at(*pair) for pair in zip(rows.tolist(), middles.tolist(), strict=True)])
        return Labels(
            rows,
            torch.from_numpy(table.clip[rows] if clips is None else clips),
            torch.from_numpy(table.clean[rows]),
            self.codec[rows],
            self.rank[rows],
            torch.from_numpy(mos).float(),
        )
