"""Correlations of two variables, for all resamples of a bootstrap at once.

Every function takes x and y of shape (n,) and weights of shape (resamples, n), the number of times that each pair is
in each resample (None: one resample with each pair once). It returns float64 of shape (resamples,), equal to the
statistic of the repeated pairs; NaN if it is undefined, as for a constant variable.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Correlation = Callable[[Values, Values, Values | None], Values]

_TINY = 1e-12  # relative to a variable's magnitude; less spread than this is rounding


def pcc(x: Values, y: Values, weights: Values | None = None) -> Values:
    """Pearson's product-moment correlation, -1..1."""
    w = _checked(x, y, weights)
    return _pearson(np.broadcast_to(_standardised(x), w.shape), np.broadcast_to(_standardised(y), w.shape), w)


def srcc(x: Values, y: Values, weights: Values | None = None) -> Values:
    """Spearman's rank correlation, -1..1: Pearson's of the ranks, with ties sharing their mean rank."""
    w = _checked(x, y, weights)
    return _pearson(_ranks(x, w), _ranks(y, w), w)


def kendall(x: Values, y: Values, weights: Values | None = None) -> Values:
    """Kendall's tau-b, -1..1. Needs memory for n * n pairs."""
    w = _checked(x, y, weights).astype(np.float32)
    signs = [np.sign(v[:, None] - v[None, :]).astype(np.float32) for v in (x, y)]

    def pairs(matrix: npt.NDArray[np.float32]) -> Values:
        total: Values = np.einsum("rn,rn->r", w @ matrix, w, dtype=np.float64)
        return total

    untied_x, untied_y = pairs(np.abs(signs[0])), pairs(np.abs(signs[1]))
    return _ratio(pairs(signs[0] * signs[1]), np.sqrt(untied_x * untied_y))


def fisher_average(correlations: Values) -> Values:
    """Average correlations by Fisher's z: (tests, resamples) -> (resamples,)."""
    return np.asarray(np.tanh(fisher_z(correlations).mean(axis=0)))


def fisher_z(correlation: Values | float) -> Values:
    """Fisher's variance-stabilising transform; clips perfect correlations to keep it finite."""
    limit = 1 - 1e-9
    return np.asarray(np.arctanh(np.clip(correlation, -limit, limit)))


def _checked(x: Values, y: Values, weights: Values | None) -> Values:
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x has shape {x.shape} and y {y.shape}, one dimension and the same length are needed")
    w = np.ones((1, len(x))) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.ndim != 2 or w.shape[1] != len(x):
        raise ValueError(f"the weights have shape {w.shape}, (resamples, {len(x)}) is needed")
    return w


def _standardised(values: Values) -> Values:
    centred = values - values.mean()
    scale = float(np.abs(centred).max(initial=0.0))
    return centred / scale if scale > 0 else centred


def _pearson(x: Values, y: Values, w: Values) -> Values:
    total = w.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        dx = x - (np.einsum("rn,rn->r", w, x) / total)[:, None]
        dy = y - (np.einsum("rn,rn->r", w, y) / total)[:, None]
    xx, yy, xy = (np.einsum("rn,rn,rn->r", w, a, b) for a, b in ((dx, dx), (dy, dy), (dx, dy)))
    spread = np.sqrt(xx * yy)
    floor = _TINY * total * max(float(np.abs(x).max(initial=0.0) * np.abs(y).max(initial=0.0)), _TINY)
    return np.clip(_ratio(xy, np.where(spread > floor, spread, 0.0)), -1, 1)


def _ranks(values: Values, w: Values) -> Values:
    """Rank of each value in each resample, with ties sharing their mean rank: (resamples, n)."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    size = np.add.reduceat(w[:, order], starts, axis=1)
    return (np.cumsum(size, axis=1) - size / 2 + 0.5)[:, group]


def _ratio(above: Values, below: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)
