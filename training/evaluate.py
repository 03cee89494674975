"""How well distances order what listeners, or their stand-in, said: held-out clips, per mode and codec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import pearsonr, spearmanr
from torch import Tensor

from deepaq.backbone import Backbone
from deepaq.mapping import fit_exponential
from training.store import Store
from training.table import Table

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
def distances(backbone: Backbone, store: Store) -> Distances:
    """Of the held-out rows of `store`; the clean training rows are the non-matching references."""
    table = store.table
    training = backbone.training
    backbone.eval()
    centre = torch.stack(
        [_point(backbone, store.whole(row)) for row in np.flatnonzero(~table.valid & table.clean).tolist()]
    ).mean(dim=0)
    full, unmatched = np.full(len(table), np.nan), np.full(len(table), np.nan)
    clean: dict[int, list[Tensor]] = {}
    for row in sorted(np.flatnonzero(table.valid).tolist(), key=lambda row: (table.clip[row], not table.clean[row])):
        segments = list(_segments(backbone, store.whole(row)))
        steps = [backbone.embed(segment) for segment in segments]
        if table.clean[row]:
            clean = {int(table.clip[row]): steps}
        own = clean[int(table.clip[row])]
        apart = [torch.linalg.vector_norm(a - b, dim=2).mean() for a, b in zip(steps, own, strict=True)]
        full[row] = float(torch.stack(apart).mean())
        unmatched[row] = float(torch.linalg.vector_norm(_point(backbone, store.whole(row)) - centre))
    backbone.train(training)
    return Distances(full, unmatched)


def _point(backbone: Backbone, front: Tensor) -> Tensor:
    points = [backbone.embed_clip(backbone.describe(segment))[0] for segment in _segments(backbone, front)]
    return torch.stack(points).mean(dim=0)


def _segments(backbone: Backbone, front: Tensor) -> list[Tensor]:
    """(items, ...) -> segments (1, items, ...) of the length that the network scores in; a short rest is left out."""
    length = round(backbone.segment_s * backbone.front_rate)
    if len(front) <= length:
        return [front[None]]
    return [front[None, start : start + length] for start in range(0, len(front) - length + 1, length)]


def correlations(table: Table, found: Distances) -> dict[str, Any]:
    """Correlation of the held-out rows' distances with their labels, clean clips left out.

    Per mode (full, unmatched), over all rows, over coded rows, and per codec: srcc, Spearman's, of minus the distance;
    pcc, Pearson's, after an exponential curve that was fitted to the other half of the clips; n, the rows.
    """
    top = float(table.mos[table.clean][0])
    groups = {"all": ~table.clean, "codecs": table.coded}
    groups |= {str(codec): table.codec == codec for codec in np.unique(table.codec[table.coded])}
    result: dict[str, Any] = {}
    for mode, values in (("full", found.full), ("unmatched", found.unmatched)):
        mos = cross_fitted(table, values, top)
        result[mode] = {
            name: _correlation(values[rows & table.valid], mos[rows & table.valid], table.mos[rows & table.valid])
            for name, rows in groups.items()
        }
    return result


def cross_fitted(table: Table, values: Values, top: float) -> Values:
    """MOS from distances: each half of the held-out clips is mapped by a curve fitted to the other half."""
    held = np.unique(table.clip[table.valid])
    first = np.isin(table.clip, held[::2])
    mos = np.full(len(table), np.nan)
    judged = table.valid & ~table.clean
    for half in (first, ~first):
        fitted, mapped = judged & ~half, judged & half
        if fitted.sum() >= 3 and mapped.any():
            mos[mapped] = fit_exponential(values[fitted], table.mos[fitted], top)(values[mapped])
    return mos


def _correlation(distance: Values, mapped: Values, mos: Values) -> dict[str, float | int | None]:
    if len(mos) < 3 or np.ptp(distance) == 0 or np.ptp(mos) == 0:
        return {"srcc": None, "pcc": None, "n": len(mos)}
    linear = None if np.isnan(mapped).any() or np.ptp(mapped) == 0 else float(pearsonr(mapped, mos).statistic)
    return {"srcc": float(spearmanr(-distance, mos).statistic), "pcc": linear, "n": len(mos)}
