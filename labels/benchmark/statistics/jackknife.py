"""Confidence intervals of correlations: by the jackknife over items, or by formula where stimuli are independent.

The stimuli of one item are not independent, so items are left out as a whole (cluster jackknife), and Fisher's z of
what remains is compared. Unlike in a bootstrap, no sample shrinks to two or three stimuli, which correlate by
construction. The variance of the jackknife (Tukey 1958) is biased upwards (Efron and Stein 1981, "The jackknife
estimate of variance", Annals of Statistics 9); that of the infinitesimal jackknife (Jaeckel 1972), which takes a little
of an item's weight, is too small for few items. Pearson's correlation needs the first. Rank correlations, which move in
steps, lie between: an item's weight is halved.

If no two stimuli share an item, rank correlations have the standard errors of Bonett and Wright (2000), "Sample size
requirements for estimating Pearson, Kendall and Spearman correlations", Psychometrika 65; the jackknife of ranks is too
wide there. Pearson's formula assumes normal values, so that correlation is left to the jackknife.
`tests/bench/coverage.py` measures how often the intervals cover the truth; docs/truth.md has the table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from labels.benchmark.statistics.bootstrap import FEWEST_ITEMS, LEVEL
from labels.benchmark.statistics.correlation import Correlation, Values, fisher_z, kendall, srcc

PERFECT = 1 - 1e-9  # higher correlations leave too little variation for an interval
RANKED = (srcc, kendall)
FEWEST_STIMULI = 6
FEWEST_RANKED = 12  # with fewer stimuli a rank correlation takes too few values for an interval that covers as it says


def interval(
    statistic: Correlation, x: Values, y: Values, items: Sequence[str], groups: Sequence[str] | None = None
) -> tuple[float, float] | None:
    """95 % confidence interval of a correlation of x and y, (n,).

    items: stimuli of one item are left out together. groups: independent parts, such as tests; by default one part.
    None with fewer than four items in any part, with fewer than six stimuli, or twelve for a rank correlation, and if
    the correlation is perfect, or Pearson's is perfect or undefined without some item.
    """
    return average_interval([(statistic, x, y, items, groups or [""] * len(x))])


def average_interval(
    parts: Sequence[tuple[Correlation, Values, Values, Sequence[str], Sequence[str]]],
) -> tuple[float, float] | None:
    """95 % confidence interval of Fisher's average of the correlations of independent parts.

    The interval is Fisher's z plus and minus its standard error times Student's t; the degrees of freedom of the parts
    are combined by Welch and Satterthwaite. None if `interval` has none for some part.
    """
    points, variances, freedoms = [], [], []
    for statistic, x, y, items, groups in parts:
        point = float(statistic(x, y, None)[0])
        if not abs(point) < PERFECT or len(x) < (FEWEST_RANKED if statistic in RANKED else FEWEST_STIMULI):
            return None
        found = _by_formula(statistic, point, items, groups) or _by_jackknife(statistic, x, y, items, groups)
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
    if statistic is srcc:
        return (1 + point * point / 2) / (count - 3), math.inf
    if statistic is kendall:
        return 0.437 / (count - 4), count - 2
    return None


def _by_jackknife(
    statistic: Correlation, x: Values, y: Values, items: Sequence[str], groups: Sequence[str]
) -> tuple[float, float] | None:
    """Variance of z and degrees of freedom."""
    keys, item = np.unique(list(zip(groups, items, strict=True)), axis=0, return_inverse=True)
    share = 0.5 if statistic in RANKED else 1.0  # part of its weight that an item loses
    weights = 1 - share * (item.reshape(-1)[None, :] == np.arange(len(keys))[:, None])
    found = statistic(x, y, weights)
    if not (np.abs(found) < PERFECT).all():
        return None
    z, total = fisher_z(found), 0.0
    for group in np.unique(keys[:, 0]):
        part: Values = z[keys[:, 0] == group]
        if (count := len(part)) < FEWEST_ITEMS:
            return None
        influence = (part - part.mean()) * (count - share) / share
        total += float(np.square(influence).sum()) / (count * (count - 1))
    return total, len(keys) - len(np.unique(keys[:, 0]))


def _around(point: float, error: float, freedom: float) -> tuple[float, float]:
    from scipy.special import ndtri, stdtrit

    upper = (1 + LEVEL) / 2
    half = float(ndtri(upper) if math.isinf(freedom) else stdtrit(freedom, upper)) * error
    return point - half, point + half
