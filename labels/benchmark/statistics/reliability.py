"""Reliability of the listeners: the noise ceiling of every rater."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labels.benchmark.statistics.correlation import Values

SPLITS = 1000


@dataclass(frozen=True)
class Reliability:
    """Reliability of a test. listeners: their number. split_half: reliability of the listeners' mean, by Spearman-Brown
    from the mean over splits. ceiling: its root, the expected correlation of a perfect rater with this test's mean."""

    listeners: int
    split_half: float
    ceiling: float


def reliability(ratings: Values, splits: int = SPLITS, seed: int = 0) -> Reliability | None:
    """Split-half reliability of the mean of (stimuli, listeners) ratings, NaN where not rated.

    Splits the listeners into random halves `splits` times and correlates the halves' means over the stimuli that both
    rated. The mean correlation r is corrected to all listeners by 2 r / (1 + r) (Spearman 1910, Brown 1910), which
    diverges near -1 for single splits. None with fewer than two listeners or three stimuli.
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

    deviations: standard deviations between listeners. The error's variance is the mean of deviation^2 / listeners. A
    listener's constant offset counts as error, so the value is a lower bound. None if a deviation is unknown, or with
    fewer than two listeners or three stimuli.
    """
    if len(means) < 3 or None in deviations or min(listeners) < 2 or np.ptp(means) == 0:
        return None
    error = np.mean(np.square(np.array(deviations, dtype=np.float64)) / np.array(listeners))
    value = float(1 - error / np.var(means, ddof=1))
    return Reliability(int(np.median(listeners)), value, max(value, 0.0) ** 0.5)


def _means(filled: Values, rated: np.ndarray, side: Values) -> Values:
    """Mean rating of the listeners on one side, NaN if none rated: (stimuli, splits)."""
    with np.errstate(invalid="ignore"):
        return np.asarray((filled @ side) / np.where((n := rated @ side) > 0, n, np.nan))


def _correlation(x: Values, y: Values) -> float:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])
