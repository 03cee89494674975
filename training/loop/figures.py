"""Figures of an evaluation: correlations of distances with labels, and how far they can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import pearsonr, rankdata, spearmanr, t

from deepaq.scoring.mapping import FITS, MosMapping, fit_exponential
from training.data.table import Column, Mask, Table
from training.loop.evaluate import Distances

_CLEAR = 0.1  # MOS by which two degraded clips must differ to be a pair
_BLOCKS = 40  # that tracks are left out in, one after another, for an interval
_FEWEST = 5  # tracks that an interval needs
LEVEL = 0.95

Values = npt.NDArray[np.float64]
Figure = dict[str, Any]


def correlations(table: Table, found: Distances) -> dict[str, dict[str, Figure]]:
    """Return correlations of the held-out rows' distances with their labels, without clean clips.

    Per mode (full, unmatched), over all rows, over coded rows (codecs), and per codec: srcc, Spearman's, of minus the
    distance; pcc, Pearson's, after an exponential curve that was fitted to the other half of the clips; bitrate,
    Spearman's with the bitrate within a clip, mean over the clips (per codec only); n, clips and tracks: how many rows,
    clips and tracks stand behind it; srcc_interval, [low, high] at 95 %, see `interval`, or None (all and codecs only).
    cross_codec: the share of pairs of one clip by different codecs, with labels .1 or more apart, that the distance
    orders as the labels do.
    """
    top = float(table.mos[table.clean][0])
    groups = {"all": ~table.clean, "codecs": table.coded}
    groups |= {str(codec): table.codec == codec for codec in np.unique(table.codec[table.coded])}
    result: dict[str, dict[str, Figure]] = {}
    for mode, values in (("full", found.full), ("unmatched", found.unmatched)):
        mos = cross_fitted(table, values, top)
        known = table.valid & np.isfinite(values)
        result[mode] = {}
        for name, chosen in groups.items():
            rows = chosen & known
            figure = _correlation(values[rows], mos[rows], table.mos[rows])
            figure |= {"clips": len(np.unique(table.clip[rows])), "tracks": len(np.unique(table.track[rows]))}
            if name in ("all", "codecs"):
                figure["srcc_interval"] = interval(values[rows], table.mos[rows], table.track[rows])
            else:
                figure["bitrate"] = _with_bitrate(table, values, rows)
            result[mode][name] = figure
        result[mode]["codecs"]["cross_codec"] = cross_codec(table, values, known & table.coded)
    return result


def interval(distance: Values, mos: Values, track: Column) -> list[float] | None:
    """Return the 95 % interval of SRCC over tracks, [low, high]; None below five tracks or without a correlation.

    A jackknife of Fisher's z that leaves out one track at a time, or one of 40 groups of tracks, with Student's t of
    one degree of freedom fewer than groups: rows of one track are not independent.
    """
    found = jackknife([-distance], mos, track)
    if found is None:
        return None
    z, pseudo = found
    half = float(t.ppf((1 + LEVEL) / 2, len(pseudo) - 1) * pseudo.std(ddof=1) / np.sqrt(len(pseudo)))
    return [float(np.tanh(z[0] - half)), float(np.tanh(z[0] + half))]


def jackknife(systems: Sequence[Values], mos: Values, track: Column) -> tuple[Values, Values] | None:
    """Return Fisher's z of the SRCC of every system's (rows,) values with the labels, (systems,), and its pseudo-values
    as groups of tracks are left out, (groups, systems).

    None below five tracks, or when a correlation does not exist or is 1.
    """
    names = np.unique(track)
    if len(names) < _FEWEST:
        return None
    count = min(len(names), _BLOCKS)
    block = np.searchsorted(names, track) % count
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = _fisher(systems, mos)
        parts = np.array([_fisher([v[block != place] for v in systems], mos[block != place]) for place in range(count)])
        pseudo = count * whole - (count - 1) * parts
    return (whole, pseudo) if np.isfinite(pseudo).all() else None


def _fisher(systems: Sequence[Values], mos: Values) -> Values:
    """Return artanh of Spearman's correlation of each of the systems with the labels."""
    ranks = np.array([rankdata(values) for values in (*systems, mos)])
    return np.arctanh(np.corrcoef(ranks)[-1, :-1])


def _with_bitrate(table: Table, values: Values, rows: Mask) -> float | None:
    found = []
    for own in table.by_clip(rows).values():
        if len(own) >= 3 and np.ptp(values[own]) > 0 and np.ptp(table.bitrate[own]) > 0:
            found.append(float(spearmanr(-values[own], table.bitrate[own]).statistic))
    return float(np.mean(found)) if found else None


def cross_codec(table: Table, values: Values, rows: Mask) -> float | None:
    """Return the share of pairs of different codecs within a clip that the distance orders as the labels do."""
    right = total = 0
    for own in table.by_clip(rows).values():
        better = table.mos[own][:, None] - table.mos[own] >= _CLEAR
        pairs = better & (table.codec[own][:, None] != table.codec[own])
        right += int((pairs & (values[own][:, None] < values[own])).sum())
        total += int(pairs.sum())
    return right / total if total else None


def cross_fitted(table: Table, values: Values, top: float, fit: Callable[..., MosMapping] = fit_exponential) -> Values:
    """Return MOS from distances: each half of the held-out clips is mapped by a curve fitted to the other half."""
    held = np.unique(table.clip[table.valid])
    first = np.isin(table.clip, held[::2])
    mos = np.full(len(table), np.nan)
    judged = table.valid & ~table.clean & np.isfinite(values)
    for half in (first, ~first):
        fitted, mapped = judged & ~half, judged & half
        if fitted.sum() >= 3 and mapped.any():
            mos[mapped] = fit(values[fitted], table.mos[fitted], top)(values[mapped])
    return mos


def mapped(table: Table, values: Values, top: float) -> dict[str, float | None]:
    """Return Pearson's correlation of the labels with the MOS of every kind of curve, cross-fitted as above."""
    judged = table.valid & ~table.clean & np.isfinite(values)
    return {
        kind: _correlation(values[judged], cross_fitted(table, values, top, fit)[judged], table.mos[judged])["pcc"]
        for kind, fit in FITS.items()
    }


def _correlation(distance: Values, mapped: Values, mos: Values) -> Figure:
    if len(mos) < 3 or np.ptp(distance) == 0 or np.ptp(mos) == 0:
        return {"srcc": None, "pcc": None, "n": len(mos)}
    linear = None if np.isnan(mapped).any() or np.ptp(mapped) == 0 else float(pearsonr(mapped, mos).statistic)
    return {"srcc": float(spearmanr(-distance, mos).statistic), "pcc": linear, "n": len(mos)}
