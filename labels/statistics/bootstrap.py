"""Bootstrap over items: the stimuli of one item are drawn together, because they are not independent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labels.statistics.correlation import Values, fisher_z

RESAMPLES = 2000
LEVEL = 0.95
FEWEST_ITEMS = 4


def item_weights(items: Sequence[str] | npt.NDArray[np.str_], resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """(resamples, n): how often each stimulus is in each resample, when as many items as there are, are drawn with
    replacement. items: of each stimulus."""
    _, item = np.unique(np.asarray(items), return_inverse=True)
    count = int(item.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, item].astype(np.float64)


def interval(
    point: float, estimates: Values, items: int, correlation: bool = True, level: float = LEVEL
) -> tuple[float, float] | None:
    """Confidence interval of a statistic from its value and its resamples: bootstrap standard error times Student's t.

    items: how many were drawn. correlation: work on Fisher's z, and come back within -1..1. Listening tests have few
    items, with which the usual percentile interval is too narrow: in simulations with 5 to 16 items it covered the
    truth .82 to .93 of the time where .95 is claimed, this one .93 to .97. The factor sqrt(n / (n - 1)) mends the
    bootstrap's own narrowness (Hesterberg 2015, "What teachers should know about the bootstrap", The American
    Statistician 69). None with fewer than four items, or when fewer than nine in ten resamples are defined.
    """
    from scipy.special import stdtrit

    defined = estimates[np.isfinite(estimates)]
    if items < FEWEST_ITEMS or not np.isfinite(point) or len(defined) < 0.9 * len(estimates):
        return None
    factor = float(stdtrit(items - 1, (1 + level) / 2)) * (items / (items - 1)) ** 0.5
    if not correlation:
        half = factor * float(defined.std())
        return point - half, point + half
    z, half = float(fisher_z(point)), factor * float(fisher_z(defined).std())
    return float(np.tanh(z - half)), float(np.tanh(z + half))
