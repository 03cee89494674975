"""Confidence intervals of correlations: by the jackknife over items, or by formula where stimuli are independent.

The stimuli of one item are not independent, so items are left out as a whole (cluster jackknife). Unlike in a
bootstrap, no sample shrinks to two or three stimuli, which correlate by construction. If no two stimuli share an item,
rank correlations have the standard errors of Bonett and Wright (2000), "Sample size requirements for estimating
Pearson, Kendall and Spearman correlations", Psychometrika 65; the jackknife of ranks is too wide there. Pearson's
formula assumes normal values, so that correlation is left to the jackknife.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from labels.benchmark.statistics.bootstrap import FEWEST_ITEMS, LEVEL
from labels.benchmark.statistics.correlation import Correlation, Values, kendall, srcc

PERFECT = 1 - 1e-9  # higher correlations leave too little variation for an interval


def interval(
    statistic: Correlation, x: Values, y: Values, items: Sequence[str], groups: Sequence[str] | None = None
) -> tuple[float, float] | None:
    """95 % confidence interval of a correlation of x and y, (n,).

    items: stimuli of one item are left out together. groups: independent parts, such as tests; by default one part.
    None with fewer than four items in any part, or if the correlation is perfect, or undefined without some item.
    """
    return average_interval([(statistic, x, y, items, groups or [""] * len(x))])


def average_interval(
    parts: Sequence[tuple[Correlation, Values, Values, Sequence[str], Sequence[str]]],
) -> tuple[float, float] | None:
    """95 % confidence interval of Fisher's average of the correlations of independent parts.

    The standard error of a correlation r divided by 1 - r^2 is that of Fisher's z. The interval is z plus and minus
    this times Student's t; the degrees of freedom of the parts are combined by Welch and Satterthwaite. How often such
    intervals cover the truth is measured by `tests/bench/coverage.py`; docs/truth.md has the table.
    """
    points, variances, freedoms = [], [], []
    for statistic, x, y, items, groups in parts:
        point = float(statistic(x, y, None)[0])
        if not abs(point) < PERFECT:
            return None
        found = _by_formula(statistic, point, items, groups) or _by_jackknife(statistic, point, x, y, items, groups)
        if found is None:
            return None
        points.append(np.arctanh(point))
        variances.append(found[0])
        freedoms.append(found[1])
    total = sum(variances)
    inverse = sum(variance**2 / freedom for variance, freedom in zip(variances, freedoms, strict=True))
    freedom = total**2 / inverse if inverse else math.inf
    low, high = _around(float(np.mean(points)), math.sqrt(total) / len(parts), freedom)
    return float(np.tanh(low)), float(np.tanh(high))


def mean_interval(values: Values) -> tuple[float, float] | None:
    """95 % interval of a mean of independent values (Student's t); None with fewer than four, or equal ones."""
    if len(values) < FEWEST_ITEMS or np.ptp(values) == 0:
        return None
    return _around(float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5, len(values) - 1)


def _by_formula(
    statistic: Correlation, point: float, items: Sequence[str], groups: Sequence[str]
) -> tuple[float, float] | None:
    """Variance of z and degrees of freedom of a rank correlation of independent stimuli; None for anything else.

    Student's t in place of the normal quantile makes up for Kendall's variance, which is a little small.
    """
    count = len(items)
    if len(set(items)) < count or len(set(groups)) > 1:
        return None
    if statistic is srcc and count >= FEWEST_ITEMS:
        return (1 + point * point / 2) / (count - 3), math.inf
    if statistic is kendall and count > FEWEST_ITEMS:
        return 0.437 / (count - 4), count - 2
    return None


def _by_jackknife(
    statistic: Callable[[Values, Values, Values | None], Values],
    point: float,
    x: Values,
    y: Values,
    items: Sequence[str],
    groups: Sequence[str],
) -> tuple[float, float] | None:
    """Variance of z and degrees of freedom."""
    keys, item = np.unique(list(zip(groups, items, strict=True)), axis=0, return_inverse=True)
    left_out = (item.reshape(-1)[None, :] != np.arange(len(keys))[:, None]).astype(np.float64)
    found = statistic(x, y, left_out)
    if not np.isfinite(found).all():
        return None
    total = 0.0
    for group in np.unique(keys[:, 0]):
        part: npt.NDArray[np.float64] = found[keys[:, 0] == group]
        if len(part) < FEWEST_ITEMS:
            return None
        total += (len(part) - 1) / len(part) * float(np.square(part - part.mean()).sum())
    return total / (1 - point * point) ** 2, len(keys) - len(np.unique(keys[:, 0]))


def _around(point: float, error: float, freedom: float) -> tuple[float, float]:
    from scipy.special import ndtri, stdtrit

    upper = (1 + LEVEL) / 2
    half = float(ndtri(upper) if math.isinf(freedom) else stdtrit(freedom, upper)) * error
    return point - half, point + half
