"""Paired tests between rows of a comparison that were judged on the same held-out clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from training.loop.figures import LEVEL, Values, jackknife
from training.results.heldout import HeldOutTable

System = tuple[HeldOutTable | None, str]  # the reported rows of a run, and the system whose distances count


@dataclass(frozen=True)
class Paired:
    """A difference in SRCC (full reference, all rows) with its two-sided p value over tracks, and the same after Holm's
    correction for the number of rows that are compared."""

    difference: float
    p: float
    holm: float


def against_best(rows: Sequence[Sequence[System]], best: int) -> list[Paired | None]:
    """Return the difference of every row, the systems of its seeds, to row number `best`.

    None for that row itself, and for rows that were judged on other clips or on fewer than five tracks.
    """
    found = [None if place == best else difference(row, rows[best]) for place, row in enumerate(rows)]
    known = [place for place, pair in enumerate(found) if pair is not None]
    corrected = dict(zip(known, holm([pair[1] for pair in found if pair is not None]), strict=True))
    return [pair and Paired(*pair, corrected[place]) for place, pair in enumerate(found)]


def difference(own: Sequence[System], other: Sequence[System]) -> tuple[float, float] | None:
    """Return the difference in SRCC of two rows, each the mean over seeds, and its p value.

    Student's t over a jackknife of Fisher's z that leaves out tracks, as for intervals.
    """
    found = _jackknife([*own, *other], "full", coded=False)
    if found is None:
        return None
    z, pseudo = found
    count = len(own)
    apart = pseudo[:, :count].mean(axis=1) - pseudo[:, count:].mean(axis=1)
    error = apart.std(ddof=1) / np.sqrt(len(apart))
    first, second = z[:count].mean(), z[count:].mean()
    p = 2 * float(t.sf(abs(first - second) / error, len(apart) - 1)) if error else 1.0
    return float(np.tanh(first) - np.tanh(second)), p


def over_tracks(systems: Sequence[System], mode: str, coded: bool) -> tuple[float, float] | None:
    """Return the 95 % interval over tracks of the mean SRCC of a row's seeds; None if it is not known.

    coded: count rows with a codec alone.
    """
    found = _jackknife(systems, mode, coded)
    if found is None:
        return None
    z, pseudo = found
    means = pseudo.mean(axis=1)
    half = float(t.ppf((1 + LEVEL) / 2, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means)))
    return float(np.tanh(z.mean() - half)), float(np.tanh(z.mean() + half))


def _jackknife(systems: Sequence[System], mode: str, coded: bool) -> tuple[Values, Values] | None:
    """Jackknife systems that were judged on the same rows; None if they were not, or some has no distances."""
    first = systems[0][0]
    if first is None or any(table is None or table.keys != first.keys for table, _ in systems):
        return None
    names = [f"{name} {mode}" for _, name in systems]
    if any(name not in table.distances for (table, _), name in zip(systems, names, strict=True) if table):
        return None
    values = [-table.distances[name] for (table, _), name in zip(systems, names, strict=True) if table]
    known = np.isfinite(values).all(axis=0)
    if coded:
        known &= np.array(first.keys["codec"]) != ""
    return jackknife([row[known] for row in values], first.mos[known], np.array(first.keys["track"])[known])


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values that keep the family-wise error (Holm 1979)."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))) if len(p) else 0
    return [float(value) for value in adjusted]
