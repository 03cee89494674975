"""Short-time spectra for the distortions that work in time and frequency."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.signal import ShortTimeFFT, get_window

from deepaq.audio import Samples


class Spectrogram:
    """Analysis and synthesis of (frames, channels) samples with root-Hann windows of `window` samples.

    overlap: number of windows that cover a sample, 2 or 4. Reconstruction is perfect.
    """

    def __init__(self, sample_rate: int, seconds: float, overlap: int = 4) -> None:
        self.window = max(64, 2 * round(seconds * sample_rate / 2))
        self.transform = _transform(sample_rate, self.window, max(1, self.window // overlap))

    @property
    def hz(self) -> np.ndarray:
        """Frequencies of the bins, shape (bins,)."""
        return np.asarray(self.transform.f)

    def of(self, samples: Samples) -> np.ndarray:
        """Transform (frames, channels) to complex (channels, bins, columns); pads short clips."""
        padded = np.pad(samples, ((0, max(0, self.window - len(samples))), (0, 0)))
        return np.asarray(self.transform.stft(np.ascontiguousarray(padded.T, np.float32), axis=-1))

    def back(self, spectra: np.ndarray, frames: int) -> np.ndarray:
        """Transform complex (channels, bins, columns) back to (frames, channels)."""
        length = max(frames, self.window)
        return np.asarray(self.transform.istft(spectra, k1=length)).T[:frames]

    def bands(self, per_octave: float = 3.0, from_hz: float = 100.0) -> np.ndarray:
        """Band number of every bin, shape (bins,): one band up to `from_hz`, then `per_octave`."""
        return np.ceil(per_octave * np.log2(np.maximum(self.hz, from_hz) / from_hz)).astype(int)


@cache
def _transform(sample_rate: int, window: int, hop: int) -> ShortTimeFFT:
    return ShortTimeFFT(get_window("hann", window) ** 0.5, hop, sample_rate)
