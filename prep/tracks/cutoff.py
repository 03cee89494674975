"""Spectral cut-off of a recording: lossy coders and low sample rates leave a wall with nothing above it."""

from __future__ import annotations

import numpy as np
from scipy.fft import rfft

from deepaq.audio import Samples

_SIZE = 4096
_EVERY = 3  # every n-th frame is analysed
_NEAR_HZ, _FAR_HZ = 150.0, 1000.0  # width of the bands compared on both sides of a frequency
_FROM_HZ = 3000.0
WALL_DB = 25.0  # music falls only a few dB per kHz


class LongTermSpectrum:
    """Mean power spectrum of stereo samples at `sample_rate` Hz, added block by block."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.power = np.zeros(_SIZE // 2 + 1)
        self._window = np.hanning(_SIZE).astype(np.float32)

    def add(self, samples: Samples) -> None:
        """Add (frames, 2) samples; ignores blocks shorter than one frame."""
        count = len(samples) // _SIZE
        frames = samples[: count * _SIZE].reshape(count, _SIZE, samples.shape[1])[::_EVERY]
        for channel in range(samples.shape[1]):
            self.power += np.sum(np.abs(rfft(frames[:, :, channel] * self._window, axis=1)) ** 2, axis=0)

    def cutoff_hz(self) -> float | None:
        """Frequency in Hz at which the spectrum drops by at least 25 dB and stays low; None without such a wall.

        Walls near the upper limit of CD quality are reported too; the caller decides which are too low.
        """
        level = 10 * np.log10(self.power + 1e-20 * max(self.power.max(), 1e-30))
        hz = np.arange(len(level)) * self.sample_rate / _SIZE
        near, far = (max(1, round(width * _SIZE / self.sample_rate)) for width in (_NEAR_HZ, _FAR_HZ))
        span = far - near
        # Medians over the bands below and above every frequency, by sliding windows.
        medians = np.median(np.lib.stride_tricks.sliding_window_view(level, span), axis=1)
        places = np.arange(far, len(level) - far)
        places = places[hz[places] >= _FROM_HZ]
        if not len(places) or not self.power.any():
            return None
        below, above = medians[places - far], medians[places + near]
        highest = np.maximum.accumulate(medians[::-1])[::-1]  # maximum at or above each frequency
        drops = np.where(highest[places + near] < below - WALL_DB, below - above, 0)
        best = int(np.argmax(drops))
        return float(hz[places[best]]) if drops[best] >= WALL_DB else None
