"""The spectral cut-off of a recording: lossy coders and low sample rates leave a wall behind which nothing is."""

from __future__ import annotations

import numpy as np
from scipy.fft import rfft

from deepaq.audio import Samples

_SIZE = 4096
_EVERY = 3  # one frame in so many is looked at
_NEAR_HZ, _FAR_HZ = 150.0, 1000.0  # the bands on both sides of a frequency that are compared
_FROM_HZ = 3000.0
WALL_DB = 25.0  # music falls by a few dB from one kHz to the next


class LongTermSpectrum:
    """Mean power spectrum of stereo samples at `sample_rate` Hz that come piece by piece."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.power = np.zeros(_SIZE // 2 + 1)
        self._window = np.hanning(_SIZE).astype(np.float32)

    def add(self, samples: Samples) -> None:
        """(frames, 2) samples; what is shorter than one frame is not looked at."""
        count = len(samples) // _SIZE
        frames = samples[: count * _SIZE].reshape(count, _SIZE, samples.shape[1])[::_EVERY]
        for channel in range(samples.shape[1]):
            self.power += np.sum(np.abs(rfft(frames[:, :, channel] * self._window, axis=1)) ** 2, axis=0)

    def cutoff_hz(self) -> float | None:
        """Where the spectrum falls off a wall of at least 25 dB and nothing follows; None without a wall.

        A wall at the top of what CD quality can hold counts like any other: what is too low is for the caller to say.
        """
        level = 10 * np.log10(self.power + 1e-20 * max(self.power.max(), 1e-30))
        hz = np.arange(len(level)) * self.sample_rate / _SIZE
        near, far = (max(1, round(width * _SIZE / self.sample_rate)) for width in (_NEAR_HZ, _FAR_HZ))
        span = far - near
        # Medians over a band below and above every frequency, by sliding windows.
        medians = np.median(np.lib.stride_tricks.sliding_window_view(level, span), axis=1)
        places = np.arange(far, len(level) - far)
        places = places[hz[places] >= _FROM_HZ]
        if not len(places) or not self.power.any():
            return None
        below, above = medians[places - far], medians[places + near]
        highest = np.maximum.accumulate(medians[::-1])[::-1]  # the loudest that comes at or after a place
        drops = np.where(highest[places + near] < below - WALL_DB, below - above, 0)
        best = int(np.argmax(drops))
        return float(hz[places[best]]) if drops[best] >= WALL_DB else None
