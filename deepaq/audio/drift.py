"""Drift: a steadily changing lag of a degraded signal, as between the clocks of two devices."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from deepaq.audio.align import find_lag, similarity
from deepaq.audio.samples import Samples

_EXCERPT_S = 2.0
_MOST_EXCERPTS = 16  # beyond this number every other one is dropped, so that they cover the whole signal
_LEAST = 4  # least number of excerpts for a drift
_LARGEST_LAG_S = 0.2
_RELATED = 0.5  # least normalised correlation of an excerpt that counts
_OFF_S = 0.0015  # tolerance of lags around a steady drift
_STEADY = 0.75  # share of the excerpts that must agree with it
_LEAST_PPM, _LEAST_S = 10.0, 0.001  # smaller drifts are not reported


@dataclass
class Drift:
    """Collects excerpts of two aligned signals at `rate` Hz and measures how their lag changes."""

    rate: int
    _excerpts: list[tuple[float, Samples, Samples]] = field(default_factory=list)
    _every: int = 1
    _seen: int = 0

    def add(self, start_s: float, reference: Samples, degraded: Samples) -> None:
        """Add the beginning of a segment, two arrays of (frames,), that starts at `start_s`."""
        frames = round(_EXCERPT_S * self.rate)
        if len(reference) >= frames and self._seen % self._every == 0:
            self._excerpts.append((start_s, reference[:frames].copy(), degraded[:frames].copy()))
        self._seen += 1
        if len(self._excerpts) > _MOST_EXCERPTS:
            self._excerpts = self._excerpts[::2]
            self._every *= 2

    def ppm(self) -> float | None:
        """Steady change of the lag in parts per million, positive when the degraded signal gets later.

        The median of the slopes between any two excerpts (Theil-Sen). None when it is too small to matter, when most
        lags do not follow it, or when there are too few excerpts.
        """
        if len(self._excerpts) < _LEAST:
            return None
        points = [(start_s, lag) for start_s, *pair in self._excerpts if (lag := self._lag_s(*pair)) is not None]
        if len(points) < max(_LEAST, _STEADY * len(self._excerpts)):
            return None
        times, lags = np.array(points).T
        slope = float(np.median([(b - a) / (t - s) for (s, a), (t, b) in combinations(points, 2)]))
        off = np.abs(lags - slope * times - np.median(lags - slope * times))
        total = abs(slope) * float(times[-1] - times[0])
        steady = np.mean(off <= _OFF_S) >= _STEADY
        return 1e6 * slope if steady and abs(slope) >= 1e-6 * _LEAST_PPM and total >= _LEAST_S else None

    def _lag_s(self, reference: Samples, degraded: Samples) -> float | None:
        lag = find_lag(reference, degraded, self.rate, _LARGEST_LAG_S)
        first, second = reference[max(-lag, 0) :], degraded[max(lag, 0) :]
        frames = min(len(first), len(second))
        return lag / self.rate if similarity(first[:frames], second[:frames]) > _RELATED else None
