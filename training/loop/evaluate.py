"""How well distances order what listeners, or their stand-in, said: held-out clips, per mode and codec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import pearsonr, spearmanr
from torch import Tensor

from deepaq.backbones.backbone import Backbone
from deepaq.errors import UserError
from deepaq.scoring.mapping import FITS, MosMapping, fit_exponential
from training.data.store import Store
from training.data.table import Table
from training.loop.gather import World, added

ALONE = World(0, 1, torch.device("cpu"))
_BATCH = 64  # segments embedded at a time
_CLEAR = 0.1  # MOS by which two versions must differ to be a pair

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Distances:
    """Of the rows of a table, (rows,): to the own clean clip, and to other clean music."""

    full: Values
    unmatched: Values


def subset(table: Table, clips: int, references: int) -> Table:
    """The rows that an evaluation needs: `clips` held-out clips (0 is all) in all versions and `references` clean
    training clips; the same ones whenever the table is the same."""
    held, known = np.unique(table.clip[table.valid]), np.unique(table.clip[~table.valid])
    held = held[:: max(1, len(held) // clips)][:clips] if clips else held
    known = known[:: max(1, len(known) // references)][:references]
    return table.take(np.isin(table.clip, held) | (np.isin(table.clip, known) & table.clean))


@torch.inference_mode()
def distances(backbone: Backbone, store: Store, world: World = ALONE) -> Distances:
    """Of the held-out rows of `store`; the clean training rows are the non-matching references.

    Processes share the clips. NaN for clips without a segment that is audible in all versions.
    """
    table = store.table
    training = backbone.training
    backbone.eval()
    known = np.flatnonzero(~table.valid & table.clean).tolist()
    clean = [found[1][0].mean(dim=0) for row in known if (found := _embedded(backbone, store, [row], world.device))]
    if not clean:
        raise UserError("no clean training clip is audible, so there is nothing to hold held-out clips against")
    centre = torch.stack(clean).mean(dim=0)
    values = torch.full((2, len(table)), torch.nan, dtype=torch.float64)
    for clip in np.unique(table.clip[table.valid])[world.rank :: world.size]:
        rows = np.flatnonzero(table.valid & (table.clip == clip))
        if (found := _embedded(backbone, store, rows.tolist(), world.device)) is None:
            continue
        steps, points = found
        own = steps[int(np.flatnonzero(table.clean[rows])[0])]
        apart = backbone.pooling.per_step(own, steps).flatten(1)
        values[0, rows] = backbone.pooling.over_time(apart).double().cpu()
        values[1, rows] = torch.linalg.vector_norm(points.mean(dim=1) - centre, dim=1).double().cpu()
    backbone.train(training)
    values = _merged(values, world)
    return Distances(values[0].numpy(), values[1].numpy())


def _merged(values: Tensor, world: World) -> Tensor:
    """Every process's values in one; NaN where none has one."""
    if world.size == 1:
        return values
    there = added((~values.isnan()).to(world.device, torch.float32)).cpu() > 0
    total = added(values.nan_to_num(0.0).to(world.device)).cpu()
    return torch.where(there, total, torch.nan)


def _embedded(backbone: Backbone, store: Store, rows: list[int], device: torch.device) -> tuple[Tensor, Tensor] | None:
    """Rows of one clip -> (rows, segments, steps, dims) and (rows, segments, dims); None when all is silent.

    Segments have the length that the network scores in; a short rest is left out.
    """
    items = store.items(rows[0])
    length = min(items, round(backbone.segment_s * backbone.front_rate))
    starts = [
        start
        for start in range(0, items - length + 1, length)
        if all(store.audible(row, start, length) for row in rows)
    ]
    if not starts:
        return None
    pairs = [(row, start) for row in rows for start in starts]
    steps, points = [], []
    for first in range(0, len(pairs), _BATCH):
        cuts = [store.cut(row, start, length) for row, start in pairs[first : first + _BATCH]]
        found = backbone.embed_both(torch.stack(cuts).to(device))
        steps.append(found[0].float())
        points.append(found[1].float())
    shape = len(rows), len(starts)
    return torch.cat(steps).unflatten(0, shape), torch.cat(points).unflatten(0, shape)


def correlations(table: Table, found: Distances) -> dict[str, Any]:
    """Correlation of the held-out rows' distances with their labels, clean clips left out.

    Per mode (full, unmatched), over all rows, over coded rows, and per codec: srcc, Spearman's, of minus the distance;
    pcc, Pearson's, after an exponential curve that was fitted to the other half of the clips; bitrate, Spearman's with
    the bitrate within a clip, mean over the clips (per codec only); n, the rows. `cross_codec`: of the pairs of
    versions of one clip by different codecs whose labels differ by .1 or more, the share that the distance orders as
    the labels do.
    """
    top = float(table.mos[table.clean][0])
    groups = {"all": ~table.clean, "codecs": table.coded}
    groups |= {str(codec): table.codec == codec for codec in np.unique(table.codec[table.coded])}
    result: dict[str, Any] = {}
    for mode, values in (("full", found.full), ("unmatched", found.unmatched)):
        mos = cross_fitted(table, values, top)
        known = table.valid & np.isfinite(values)
        result[mode] = {
            name: _correlation(values[rows & known], mos[rows & known], table.mos[rows & known])
            for name, rows in groups.items()
        }
        for codec in list(groups)[2:]:
            result[mode][codec]["bitrate"] = _with_bitrate(table, values, known & groups[codec])
        result[mode]["codecs"]["cross_codec"] = cross_codec(table, values, known & table.coded)
    return result


def _with_bitrate(table: Table, values: Values, rows: npt.NDArray[np.bool_]) -> float | None:
    found = []
    for clip in np.unique(table.clip[rows]):
        own = rows & (table.clip == clip)
        if own.sum() >= 3 and np.ptp(values[own]) > 0 and np.ptp(table.bitrate[own]) > 0:
            found.append(float(spearmanr(-values[own], table.bitrate[own]).statistic))
    return float(np.mean(found)) if found else None


def cross_codec(table: Table, values: Values, rows: npt.NDArray[np.bool_]) -> float | None:
    """The share of pairs of different codecs within a clip that the distance orders as the labels do."""
    right = total = 0
    for clip in np.unique(table.clip[rows]):
        own = np.flatnonzero(rows & (table.clip == clip))
        better = table.mos[own][:, None] - table.mos[own] >= _CLEAR
        pairs = better & (table.codec[own][:, None] != table.codec[own])
        right += int((pairs & (values[own][:, None] < values[own])).sum())
        total += int(pairs.sum())
    return right / total if total else None


def cross_fitted(table: Table, values: Values, top: float, fit: Callable[..., MosMapping] = fit_exponential) -> Values:
    """MOS from distances: each half of the held-out clips is mapped by a curve fitted to the other half."""
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
    """Pearson correlation of the held-out rows' labels with the MOS of every kind of curve, cross-fitted as above."""
    judged = table.valid & ~table.clean & np.isfinite(values)
    return {
        kind: _correlation(values[judged], cross_fitted(table, values, top, fit)[judged], table.mos[judged])["pcc"]
        for kind, fit in FITS.items()
    }


def _correlation(distance: Values, mapped: Values, mos: Values) -> dict[str, float | int | None]:
    if len(mos) < 3 or np.ptp(distance) == 0 or np.ptp(mos) == 0:
        return {"srcc": None, "pcc": None, "n": len(mos)}
    linear = None if np.isnan(mapped).any() or np.ptp(mapped) == 0 else float(pearsonr(mapped, mos).statistic)
    return {"srcc": float(spearmanr(-distance, mos).statistic), "pcc": linear, "n": len(mos)}
