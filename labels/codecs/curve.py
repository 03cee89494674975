"""A codec's curve of quality over bitrate, and the comparison of two curves: BD-rate and crossings.

Both are read from monotone piecewise-cubic interpolation (Fritsch and Carlson 1980) over the logarithm of the bitrate,
and only where both curves have points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.interpolate import PchipInterpolator

Values = npt.NDArray[np.float64]

_STEPS = 200  # places at which two curves are compared to find their crossings
_SATURATED = 0.1  # slope of the last step, as a share of the mean slope, below which a curve is saturated


@dataclass(frozen=True)
class Curve:
    """Points of a codec, none in a resample without its clips.

    kbps: (n,), ascending, without equal ones. quality: (n,), higher is better.
    """

    kbps: Values
    quality: Values

    @staticmethod
    def of(kbps: Values, quality: Values) -> Curve:
        """Order points by bitrate; of several with one bitrate, the best counts."""
        order = np.lexsort((-quality, kbps))
        _, first = np.unique(kbps[order], return_index=True)
        return Curve(kbps[order][first], quality[order][first])

    @cached_property
    def efficient(self) -> npt.NDArray[np.bool_]:
        """(n,), true for points that are better than every cheaper one; the others cost bits and bring nothing."""
        best = np.maximum.accumulate(np.append(-np.inf, self.quality[:-1]))
        found: npt.NDArray[np.bool_] = self.quality > best
        return found

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest quality of the efficient points."""
        quality = self.quality[self.efficient]
        return float(quality[0]), float(quality[-1])

    @property
    def saturated(self) -> bool:
        """Tell if the last step gains less than a tenth of the mean gain per doubling of the bitrate, or nothing."""
        if len(self.kbps) < 3:
            return False
        doublings, gain = np.log2(self.kbps), self.quality - self.quality[0]
        mean = gain.max() / (doublings[-1] - doublings[0])
        last = (gain[-1] - gain[-2]) / (doublings[-1] - doublings[-2])
        return bool(last <= _SATURATED * mean)

    @cached_property
    def inverse(self) -> PchipInterpolator:
        """Natural logarithm of the bitrate over quality, through at least two efficient points."""
        from scipy.interpolate import PchipInterpolator

        kept = self.efficient
        return PchipInterpolator(self.quality[kept], np.log(self.kbps[kept]), extrapolate=False)

    @cached_property
    def forward(self) -> PchipInterpolator:
        """Quality over the natural logarithm of the bitrate, through all points, at least two."""
        from scipy.interpolate import PchipInterpolator

        return PchipInterpolator(np.log(self.kbps), self.quality, extrapolate=False)

    def kbps_at(self, quality: float) -> float | None:
        """The bitrate at which the curve reaches `quality`; None beyond its range."""
        if not len(self.kbps):
            return None
        low, high = self.range
        if not low <= quality <= high:
            return None
        return float(self.kbps[0]) if low == high else float(np.exp(self.inverse(quality)))


def overlap(a: Curve, b: Curve) -> tuple[float, float] | None:
    """The range of quality that both curves have with at least two efficient points each; None without one."""
    if min(a.efficient.sum(), b.efficient.sum()) < 2:
        return None
    low, high = max(a.range[0], b.range[0]), min(a.range[1], b.range[1])
    return (low, high) if low < high else None


def bd_rate(a: Curve, b: Curve) -> float | None:
    """Mean difference of the logarithm of the bitrate, b minus a, over the quality that both have; None without any.

    Bjontegaard 2001 (VCEG-M33), with the monotone interpolation that replaced the polynomial (JCTVC-B055). `percent`
    turns it into the usual figure.
    """
    common = overlap(a, b)
    if common is None:
        return None
    low, high = common
    return float(b.inverse.integrate(low, high) - a.inverse.integrate(low, high)) / (high - low)


def percent(difference: float) -> float:
    """A difference of logarithms as a change in percent: -50 for half the bitrate."""
    return 100 * float(np.expm1(difference))


def crossings(a: Curve, b: Curve) -> list[float]:
    """The bitrates, in kbps, at which the better of two curves changes, within the bitrates that both have."""
    if min(len(a.kbps), len(b.kbps)) < 2:
        return []
    low, high = max(a.kbps[0], b.kbps[0]), min(a.kbps[-1], b.kbps[-1])
    if not low < high:
        return []
    places = np.linspace(np.log(low), np.log(high), _STEPS)
    places[[0, -1]] = np.log(low), np.log(high)
    apart = b.forward(places) - a.forward(places)
    kept = np.flatnonzero(np.abs(apart) > 0)
    changes = np.flatnonzero(np.diff(np.sign(apart[kept])))
    before, after = kept[changes], kept[changes + 1]
    share = apart[before] / (apart[before] - apart[after])
    return [float(place) for place in np.exp(places[before] + share * (places[after] - places[before]))]
