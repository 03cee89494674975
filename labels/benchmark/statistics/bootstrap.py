"""Bootstrap over items: the stimuli of one item are drawn together, because they are not independent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labels.benchmark.statistics.correlation import Values, fisher_z

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


def interval(
    point: float, estimates: Values, items: Sequence[int], correlation: bool = True, level: float = LEVEL
) -> tuple[float, float] | None:
    """Confidence interval of a statistic from its value and its resamples: bootstrap standard error times Student's t.

    items: how many there are in each part that was drawn apart. correlation: work on Fisher's z, and come back within
    -1..1. None with fewer than four items in any part, or when fewer than nine in ten resamples are defined.

    Listening tests have few items, with which the usual percentile interval is too narrow: in simulations with 5 to 16
    items it covered the truth .82 to .93 of the time where .95 is claimed, this one, with 4 to 16, .93 to .96. An
    average over parts of four or five items is still too sure, .88 to .91; a few items of one stimulus each are not
    sure enough, .97 to .99 with 8 to 12.
    """
    from scipy.special import stdtrit

    defined = estimates[np.isfinite(estimates)]
    if min(items) < FEWEST_ITEMS or not np.isfinite(point) or len(defined) < 0.9 * len(estimates):
        return None
    factor = float(stdtrit(sum(items) - len(items), (1 + level) / 2))
    if not correlation:
        half = factor * float(defined.std())
        return point - half, point + half
    z, half = float(fisher_z(point)), factor * float(fisher_z(defined).std())
    return float(np.tanh(z - half)), float(np.tanh(z + half))
