"""Bootstrap over items: the stimuli of one item are drawn together, because they are not independent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labels.benchmark.statistics.correlation import Values

RESAMPLES = 2000
LEVEL = 0.95
FEWEST_ITEMS = 4


def item_weights(items: Sequence[str] | npt.NDArray[np.str_], resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """(resamples, n): how much each stimulus weighs in each resample; items: of each stimulus.

    One item fewer than there are is drawn with replacement, each weighing a little more than 1, so that the sum stays:
    as many as there are would vary too little, by sqrt(1 - 1 / items) (Hesterberg 2015, "What teachers should know
    about the bootstrap", The American Statistician 69). Several tests may so be drawn side by side.
    """
    _, item = np.unique(np.asarray(items), return_inverse=True)
    count = int(item.max()) + 1
    fewer = max(count - 1, 1)
    drawn = np.random.default_rng(seed).multinomial(fewer, np.full(count, 1 / count), size=resamples)
    return np.asarray(drawn[:, item] * (count / fewer), dtype=np.float64)


def interval(point: float, estimates: Values, items: Sequence[int], level: float = LEVEL) -> tuple[float, float] | None:
    """Confidence interval of a statistic from its value and its resamples: bootstrap standard error times Student's t.

    items: how many there are in each part that was drawn apart. None with fewer than four items in any part, or when
    fewer than nine in ten resamples are defined. For differences and errors; correlations near 1, whose resamples pile
    up there, have `jackknife.interval`.
    """
    from scipy.special import stdtrit

    defined = estimates[np.isfinite(estimates)]
    if min(items) < FEWEST_ITEMS or not np.isfinite(point) or len(defined) < 0.9 * len(estimates):
        return None
    half = float(stdtrit(sum(items) - len(items), (1 + level) / 2)) * float(defined.std())
    return point - half, point + half
