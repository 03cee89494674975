"""Statistics of paired differences: interval, sign test, and how many files a decision needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from deepaq.comparison import student

LEVEL, POWER = 0.95, 0.8
SMALLEST_CHANGE = 0.05  # MOS: the change that a comparison should be able to see
TIE = 0.01  # MOS: smaller changes are ties
RESAMPLES = 2000
FEWEST_TRACKS = 3

Values = npt.NDArray[np.float64]


def interval(changes: Sequence[float], tracks: Sequence[str], seed: int = 0) -> tuple[float, float] | None:
    """95 % interval of the mean change by the bootstrap over tracks; None with fewer than three tracks.

    Draws one track fewer than there are, which makes the spread unbiased, and takes Student's t times the standard
    deviation of the resampled means (Hesterberg 2015, The American Statistician 69).
    """
    _, track = np.unique(np.asarray(tracks), return_inverse=True)
    count = int(track.max()) + 1
    if count < FEWEST_TRACKS:
        return None
    drawn = np.random.default_rng(seed).multinomial(count - 1, np.full(count, 1 / count), size=RESAMPLES)
    weights = drawn[:, track].astype(float)
    total = weights.sum(axis=1)
    means = (weights @ np.asarray(changes, float))[total > 0] / total[total > 0]
    half = student.quantile(count - 1, (1 + LEVEL) / 2) * float(means.std())
    mean = float(np.mean(changes))
    return mean - half, mean + half


def sign_test(changes: Sequence[float]) -> tuple[int, int, int, float]:
    """Wins, losses and ties, and the two-sided p of the sign test over wins and losses; 1 without either."""
    wins = sum(change > TIE for change in changes)
    losses = sum(change < -TIE for change in changes)
    decided, fewer = wins + losses, min(wins, losses)
    tail = sum(math.comb(decided, k) for k in range(fewer + 1)) / 2**decided
    return wins, losses, len(changes) - decided, min(1.0, 2 * tail)


def needed_files(changes: Sequence[float]) -> int:
    """Number of files at which a change of .05 MOS is detected in four of five comparisons, from the spread."""
    spread = float(np.std(changes, ddof=1)) if len(changes) > 1 else 0.0
    quantiles = sum(map(NormalDist().inv_cdf, ((1 + LEVEL) / 2, POWER)))
    return max(FEWEST_TRACKS, math.ceil((quantiles * spread / SMALLEST_CHANGE) ** 2))


def verdict(bounds: tuple[float, float] | None) -> str:
    """better, worse, not told apart, or too little data: of B against A.

    Too little data: zero is inside the interval, and so is a change of .05 MOS.
    """
    if bounds is None:
        return "too little data"
    low, high = bounds
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "too little data" if max(-low, high) > SMALLEST_CHANGE else "not told apart"
