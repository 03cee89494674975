"""Bootstrap over items: the stimuli of one item are drawn together, because they are not independent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from deepaq.errors import UserError
from labels.benchmark.statistics.correlation import Values

RESAMPLES = 2000
LEVEL = 0.95
FEWEST_ITEMS = 4


def check(resamples: int, seed: int) -> None:
    """Raise UserError for too few resamples, or a seed that is none."""
    if resamples < 100:
        raise UserError(f"--resamples {resamples}: at least 100 are needed")
    if seed < 0:
        raise UserError(f"--seed {seed}: write a whole number, 0 or more")


def item_weights(items: Sequence[str] | npt.NDArray[np.str_], resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """Weight of each stimulus in each resample, (resamples, n). items: the item of each stimulus.

    Draws one item fewer than there are, with replacement and weights slightly above 1 that keep the sum. Drawing all
    would underestimate the spread by sqrt(1 - 1 / items) (Hesterberg 2015, "What teachers should know about the
    bootstrap", The American Statistician 69). Several tests can be drawn side by side.
    """
    _, item = np.unique(np.asarray(items), return_inverse=True)
    count = int(item.max()) + 1
    fewer = max(count - 1, 1)
    drawn = np.random.default_rng(seed).multinomial(fewer, np.full(count, 1 / count), size=resamples)
    return np.asarray(drawn[:, item] * (count / fewer), dtype=np.float64)


def interval(point: float, estimates: Values, items: Sequence[int], level: float = LEVEL) -> tuple[float, float] | None:
    """Confidence interval of a statistic from its value and its resamples: bootstrap standard error times Student's t.

    items: number of items in each part that was drawn separately. None with fewer than four items in any part, or if
    fewer than nine in ten resamples are defined. Meant for differences and errors; for correlations, whose resamples
    pile up near 1, use `jackknife.interval`.
    """
    from scipy.special import stdtrit

    defined = estimates[np.isfinite(estimates)]
    if min(items) < FEWEST_ITEMS or not np.isfinite(point) or len(defined) < 0.9 * len(estimates):
        return None
    half = float(stdtrit(sum(items) - len(items), (1 + level) / 2)) * float(defined.std())
    return point - half, point + half
