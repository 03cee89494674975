"""Tests of dependent, overlapping correlations: whether two raters correlate differently with the same listeners.

They treat the stimuli as independent; the bootstrap over items, shown beside them in the report, does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def steiger(r1: float, r2: float, r12: float, n: int) -> tuple[float, float]:
    """Steiger's z and two-sided p for r1 = r2, correlations with a common variable; r12 correlates the other two.

    Steiger (1980), "Tests for comparing elements of a correlation matrix", Psychological Bulletin 87: the statistic
    written Z1 with a bar and a star, with the covariance at the mean of r1 and r2. n: number of pairs, at least 4.
    """
    mean = (r1 + r2) / 2
    covariance = _covariance(mean, mean, r12)
    spread = 2 - 2 * covariance
    if n < 4 or spread <= 0:
        return math.nan, math.nan
    z = (math.atanh(_open(r1)) - math.atanh(_open(r2))) * math.sqrt((n - 3) / spread)
    return z, math.erfc(abs(z) / math.sqrt(2))


def zou(r1: float, r2: float, r12: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of the difference r1 - r2 of overlapping correlations.

    Zou (2007), "Toward using confidence intervals to compare correlations", Psychological Methods 12, p. 409.
    """
    if n < 4:
        return math.nan, math.nan
    low1, high1 = fisher_interval(r1, n, level)
    low2, high2 = fisher_interval(r2, n, level)
    c = _covariance(r1, r2, r12)
    below = (r1 - low1) ** 2 + (high2 - r2) ** 2 - 2 * c * (r1 - low1) * (high2 - r2)
    above = (high1 - r1) ** 2 + (r2 - low2) ** 2 - 2 * c * (high1 - r1) * (r2 - low2)
    return r1 - r2 - math.sqrt(max(below, 0.0)), r1 - r2 + math.sqrt(max(above, 0.0))


def fisher_interval(r: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a correlation of n > 3 independent pairs, by Fisher's z."""
    from scipy.special import ndtri

    z, half = math.atanh(_open(r)), float(ndtri((1 + level) / 2)) / math.sqrt(n - 3)
    return math.tanh(z - half), math.tanh(z + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values to control the family-wise error (Holm 1979); NaN stays NaN and does not count."""
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * factors)) if len(order) else 0
    return [float(value) for value in adjusted]


def _covariance(r1: float, r2: float, r12: float) -> float:
    """Asymptotic correlation of two overlapping correlations (Pearson and Filon 1898; Zou 2007, p. 409)."""
    r1, r2 = _open(r1), _open(r2)
    above = (r12 - r1 * r2 / 2) * (1 - r1**2 - r2**2 - r12**2) + r12**3
    return above / ((1 - r1**2) * (1 - r2**2))


def _open(r: float) -> float:
    """Clip to the open interval in which Fisher's z is finite."""
    return min(max(r, -1 + 1e-12), 1 - 1e-12)
