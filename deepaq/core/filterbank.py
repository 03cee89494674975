"""Auditory filters as power responses over the bins of a spectrum."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 48_000

Matrix = npt.NDArray[np.float32]


def erb_bands(bands: int, fft: int, low_hz: float = 50.0, high_hz: float = 20_000.0) -> Matrix:
    """(fft // 2 + 1, bands): `gammatone` filters evenly spaced on the ERB-rate scale."""
    return gammatone(_rates(bands, low_hz, high_hz), fft)


def erb_centres(bands: int, low_hz: float = 50.0, high_hz: float = 20_000.0) -> npt.NDArray[np.float64]:
    """(bands,) centres of these filters in Hz."""
    return _hz(_rates(bands, low_hz, high_hz))


def gammatone(erb_rates: npt.NDArray[np.float64], fft: int) -> Matrix:
    """(bands,) centres -> (fft // 2 + 1, bands): power responses of fourth-order gammatone filters.

    ERB and ERB-rate from Glasberg and Moore 1990; width 1.019 ERB from Patterson et al. 1992.
    """
    centres = _hz(erb_rates)
    widths = 1.019 * 24.7 * (0.00437 * centres + 1)
    offset = ((np.arange(fft // 2 + 1) * SAMPLE_RATE / fft)[:, None] - centres) / widths
    return np.asarray((1 + offset**2) ** -4, np.float32)


def mel_bands(bands: int, fft: int, low_hz: float = 20.0, high_hz: float = 22_000.0) -> Matrix:
    """Triangular filters of height 1, (fft // 2 + 1, bands), evenly spaced on the mel scale (O'Shaughnessy 1987)."""
    edges = np.linspace(_mel(low_hz), _mel(high_hz), bands + 2)
    hz = 700 * (10 ** (edges / 2595) - 1)
    # Widen low triangles to two bins, so that no band is empty.
    lower, centre, upper = hz[:-2], hz[1:-1], hz[2:]
    width = SAMPLE_RATE / fft
    lower, upper = np.minimum(lower, centre - width), np.maximum(upper, centre + width)
    f = (np.arange(fft // 2 + 1) * SAMPLE_RATE / fft)[:, None]
    triangles = np.minimum((f - lower) / (centre - lower), (upper - f) / (upper - centre))
    return np.asarray(np.clip(triangles, 0, None), np.float32)


def erb_rate(hz: float) -> float:
    """Glasberg and Moore 1990."""
    return 21.4 * math.log10(0.00437 * hz + 1)


def _rates(bands: int, low_hz: float, high_hz: float) -> npt.NDArray[np.float64]:
    return np.linspace(erb_rate(low_hz), erb_rate(high_hz), bands)


def _hz(erb_rates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray((10 ** (erb_rates / 21.4) - 1) / 0.00437)


def _mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)
