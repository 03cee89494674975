"""Quantiles of Student's t, which needs no SciPy for a whole number of degrees of freedom."""

from __future__ import annotations

import math

_STEPS = 60  # halvings of the range of the angle, to below the rounding of a float


def quantile(freedom: int, share: float) -> float:
    """The t, with `freedom` degrees of freedom, below which `share` of the distribution lies; share from .5 to below 1.

    Solves the finite series of the distribution (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4) for the angle whose
    tangent is t over the root of the degrees of freedom.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(freedom, middle) < 2 * share - 1 else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _within(freedom: int, angle: float) -> float:
    """The share of the distribution between -t and t."""
    odd = freedom % 2
    sine, cosine = math.sin(angle), math.cos(angle)
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for number in range(odd, freedom - 1, 2):
        total += term
        term *= cosine * cosine * (number + 1) / (number + 2)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
