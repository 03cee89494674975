"""Power spectra for the plain spectral raters."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from deepaq.fourier import hann

FRAME, HOP = 2048, 512  # samples of a Hann window and between windows


def power_spectra(samples: Samples) -> Samples:
    """Power per bin, (frames,) -> (steps, 1025); a full-scale sine has 1 in the bin of its frequency."""
    from scipy.fft import rfft

    window = hann(FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), FRAME)[::HOP]
    spectra: Samples = np.square(np.abs(rfft(frames * (window * (2 / window.sum())), axis=1)))
    return spectra
