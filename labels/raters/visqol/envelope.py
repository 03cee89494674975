"""Upper envelopes of signals, by which ViSQOL finds delays.

The envelope is meant to be the magnitude of the analytic signal plus the mean, and visqol-python computes that. The
inverse transform of the C++ program returns the real part alone, which is the signal doubled and without its Nyquist
frequency: its envelope is the rectified signal. The lags of the two differ on some tonal and noisy signals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

Reals = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Floating = npt.NDArray[np.floating]

LEAST_TRANSFORM = 32  # samples; the C++ program pads its transforms to a power of two


@dataclass(frozen=True)
class Envelope:
    """A definition of the upper envelope. rows: for (rows, samples), in single precision. exact: for (samples,)."""

    rows: Callable[[Floating], Floats]
    exact: Callable[[Reals], Reals]


def rectified(samples: Floating, dtype: Any = np.float32) -> Any:
    """Envelope of the C++ program: (rows, samples) -> (rows, samples) of `dtype`."""
    length = samples.shape[1]
    means = samples.mean(axis=1, keepdims=True, dtype=np.float64)
    found = np.subtract(samples, means, dtype=dtype, casting="same_kind")
    size = max(LEAST_TRANSFORM, 1 << (length - 1).bit_length())
    nyquist = found[:, ::2].sum(axis=1, keepdims=True) - found[:, 1::2].sum(axis=1, keepdims=True)
    nyquist *= (1 if size == length else 2) / size
    found *= 2
    found[:, ::2] -= nyquist
    found[:, 1::2] += nyquist
    np.abs(found, out=found)
    found += means.astype(dtype)
    return found


def magnitude(samples: Floating) -> Floats:
    """Envelope of visqol-python: (rows, samples) -> (rows, samples) in single precision."""
    length = samples.shape[1]
    means = samples.mean(axis=1, keepdims=True, dtype=np.float64)
    centred = np.subtract(samples, means, dtype=np.float32, casting="same_kind")
    spectra = scipy.fft.rfft(centred)
    spectra *= np.complex64(-1j)
    spectra[:, 0] = 0
    if length % 2 == 0:
        spectra[:, -1] = 0
    envelopes: Floats = scipy.fft.irfft(spectra, length, overwrite_x=True)
    envelopes *= envelopes
    centred *= centred
    envelopes += centred
    np.sqrt(envelopes, out=envelopes)
    envelopes += means.astype(np.float32)
    return envelopes


def _exact_rectified(samples: Reals) -> Reals:
    envelope: Reals = rectified(samples[None], np.float64)[0]
    return envelope


def _exact_magnitude(samples: Reals) -> Reals:
    from visqol import signal_utils

    envelope: Reals = signal_utils.upper_envelope(samples)
    return envelope


PROGRAM = Envelope(rectified, _exact_rectified)
PACKAGE = Envelope(magnitude, _exact_magnitude)
