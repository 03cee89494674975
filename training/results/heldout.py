"""The rows that a run reports, with the distances of every system, as a table in the run folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.table import Table
from training.loop import log
from training.loop.evaluate import Distances
from training.results.folder import HELD_OUT

_KEYS = ("row_id", "clip", "track", "codec", "condition", "mos")


@dataclass(frozen=True)
class HeldOutTable:
    """Degraded rows of a report. keys: columns that describe them. distances: `system mode` -> distances, (rows,)."""

    keys: Mapping[str, list[str]]
    distances: Mapping[str, npt.NDArray[np.float64]]

    @property
    def mos(self) -> npt.NDArray[np.float64]:
        return np.array(self.keys["mos"], float)


def write(out: Path, rows: Table, systems: Mapping[str, Distances]) -> None:
    """Write the degraded held-out rows with distances in both modes, or extend the table that is there by further
    systems."""
    known = read(out)
    judged = np.flatnonzero(rows.valid & ~rows.clean)
    columns: dict[str, list[object]] = {name: getattr(rows, name)[judged].tolist() for name in _KEYS}
    if known and known.keys["row_id"] == columns["row_id"]:
        columns |= {name: values.tolist() for name, values in known.distances.items()}
    for name, found in systems.items():
        columns |= {f"{name} {mode}": getattr(found, mode)[judged].tolist() for mode in ("full", "unmatched")}
    log.write(out / HELD_OUT, [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])


def read(out: Path) -> HeldOutTable | None:
    """Read what `write` wrote; None for a run that was made before there was such a table."""
    if not (out / HELD_OUT).is_file():
        return None
    with (out / HELD_OUT).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    columns = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
    return HeldOutTable(
        {name: columns.get(name, []) for name in _KEYS},
        {name: np.array(values, float) for name, values in columns.items() if name not in _KEYS},
    )
