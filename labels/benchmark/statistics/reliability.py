"""How well listeners agree with themselves: the noise ceiling of every rater."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labels.benchmark.statistics.correlation import Values

SPLITS = 1000


@dataclass(frozen=True)
class Reliability:
    """listeners: how many rated. split_half: of the listeners' mean, by Spearman-Brown of the mean over splits.
    ceiling: its root, the correlation with this test's mean that a perfect rater may expect."""

    listeners: int
    split_half: float
    ceiling: float


def reliability(ratings: Values, splits: int = SPLITS, seed: int = 0) -> Reliability | None:
    """Split-half reliability of the mean of (stimuli, listeners) ratings, NaN where a listener has not rated.

    The listeners are halved at random `splits` times; the two halves' means are correlated over the stimuli that
    both have rated, and the mean correlation r of half as many listeners becomes that of all by 2 r / (1 + r) (Spearman
    1910, Brown 1910), which of single splits would explode towards -1. None with fewer than two listeners or three
    stimuli.
    """
    rated = ~np.isnan(ratings)
    ratings, rated = ratings[:, rated.any(axis=0)], rated[:, rated.any(axis=0)]
    count = ratings.shape[1]
    if count < 2 or len(ratings) < 3:
        return None
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(count), (splits, 1)), axis=1)
    half = (order < count // 2).astype(np.float64).T  # (listeners, splits)
    filled = np.where(rated, ratings - np.nanmean(ratings), 0.0)
    first, second = (_means(filled, rated, side) for side in (half, 1 - half))
    both = np.isfinite(first) & np.isfinite(second)
    r = np.array([_correlation(first[b, i], second[b, i]) for i, b in enumerate(both.T)])
    r = r[np.isfinite(r)]
    if not len(r) or r.mean() <= -1:
        return None
    value = float(2 * r.mean() / (1 + r.mean()))
    return Reliability(count, value, max(value, 0.0) ** 0.5)


def reliability_of_means(
    means: Sequence[float], deviations: Sequence[float | None], listeners: Sequence[int]
) -> Reliability | None:
    """Reliability of published means: the share of their variance that is not the listeners' sampling error.

    deviations: between listeners. The error's variance is the mean of deviation^2 / listeners; a common offset of a
    listener counts as error, so the value is a lower bound. None where a deviation is unknown, with fewer than two
    listeners, or fewer than three stimuli.
    """
    if len(means) < 3 or None in deviations or min(listeners) < 2 or np.ptp(means) == 0:
        return None
    error = np.mean(np.square(np.array(deviations, dtype=np.float64)) / np.array(listeners))
    value = float(1 - error / np.var(means, ddof=1))
    return Reliability(int(np.median(listeners)), value, max(value, 0.0) ** 0.5)


def _means(filled: Values, rated: np.ndarray, side: Values) -> Values:
    """(stimuli, splits): the mean rating of the listeners on one side, NaN where none of them rated."""
    with np.errstate(invalid="ignore"):
        return np.asarray((filled @ side) / np.where((n := rated @ side) > 0, n, np.nan))


def _correlation(x: Values, y: Values) -> float:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])
