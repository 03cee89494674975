"""Spectra in bands: what the compact network and the plain spectral distances listen to."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from deepaq.backbones.constant import constant

SAMPLE_RATE = 48_000
WINDOW, HOP = 2048, 960  # 43 ms Hann windows, 50 frames a second
FRAMES_PER_S = SAMPLE_RATE / HOP
FLOOR = 1e-7  # of the signal's power: -70 dB
_QUIET_RMS = 1e-3  # -60 dBFS
_PIECE = 64  # steps

Matrix = npt.NDArray[np.float32]


def erb_bands(bands: int = 64, low_hz: float = 50.0, high_hz: float = 20_000.0) -> Matrix:
    """(bins, bands): power responses of fourth-order gammatone filters, evenly spaced on the ERB-rate scale.

    ERB and ERB-rate of Glasberg and Moore 1990; width 1.019 ERB of Patterson et al. 1992.
    """
    return gammatone(np.linspace(erb_rate(low_hz), erb_rate(high_hz), bands), WINDOW)


def gammatone(erb_rates: npt.NDArray[np.float64], fft: int) -> Matrix:
    """(bands,) centres -> (fft // 2 + 1, bands): see `erb_bands`."""
    centres = (10 ** (erb_rates / 21.4) - 1) / 0.00437
    widths = 1.019 * 24.7 * (0.00437 * centres + 1)
    offset = (_bin_hz(fft)[:, None] - centres) / widths
    return np.asarray((1 + offset**2) ** -4, np.float32)


def mel_bands(bands: int = 96, low_hz: float = 20.0, high_hz: float = 22_000.0) -> Matrix:
    """(bins, bands): triangles of height 1, evenly spaced on the mel scale (O'Shaughnessy 1987)."""
    edges = np.linspace(_mel(low_hz), _mel(high_hz), bands + 2)
    hz = 700 * (10 ** (edges / 2595) - 1)
    # Low triangles may be narrower than a bin; none is narrower than two, so that no band is empty.
    lower, centre, upper = hz[:-2], hz[1:-1], hz[2:]
    width = SAMPLE_RATE / WINDOW
    lower, upper = np.minimum(lower, centre - width), np.maximum(upper, centre + width)
    f = _bin_hz(WINDOW)[:, None]
    triangles = np.minimum((f - lower) / (centre - lower), (upper - f) / (upper - centre))
    return np.asarray(np.clip(triangles, 0, None), np.float32)


def power(samples: Tensor) -> Tensor:
    """(batch, frames) at 48 kHz -> (batch, steps, bins): power spectra of the signal scaled to RMS 1.

    The bins of a step sum to about 1. A signal quieter than -60 dBFS is scaled as if it were that loud.
    """
    taper = torch.hann_window(WINDOW, dtype=samples.dtype, device=samples.device)
    rms = samples.square().mean(dim=1, keepdim=True).sqrt().clamp(min=_QUIET_RMS)
    spectrum = torch.stft(samples / rms, WINDOW, HOP, window=taper, center=False, return_complex=True)
    return _power(spectrum).transpose(1, 2) * _scale(taper)


def energies(samples: Tensor, bank: Tensor, hop: int = HOP) -> Tensor:
    """(batch, frames) and (bins, bands) -> (batch, steps, bands): powers in Hann windows, one every `hop`.

    The windows have 2 * (bins - 1) samples. Spectra are made and forgotten in pieces that fit the processor's cache.
    """
    window = 2 * (len(bank) - 1)
    taper = torch.hann_window(window, dtype=samples.dtype, device=samples.device)
    pieces = samples.unfold(1, window, hop).split(_PIECE, dim=1)
    return torch.cat([_power(torch.fft.rfft(piece * taper)) @ bank for piece in pieces], dim=1) * _scale(taper)


def _power(spectrum: Tensor) -> Tensor:
    return spectrum.real.square() + spectrum.imag.square()


def _scale(taper: Tensor) -> float:
    """Makes the powers in a window sum to the signal's own."""
    return 2 / (len(taper) * float(taper.square().sum()))


def log_energy(energy: Tensor, floor: float = FLOOR) -> Tensor:
    """log10 of a power and a floor, by default 70 dB below the signal's."""
    return torch.log10(energy + floor)


@cache
def bank(kind: str) -> Tensor:
    """The filter bank `erb` (64 bands) or `mel` (96 bands) as a tensor of (bins, bands)."""
    return constant(erb_bands() if kind == "erb" else mel_bands())


def _bin_hz(fft: int) -> npt.NDArray[np.float64]:
    return np.arange(fft // 2 + 1) * SAMPLE_RATE / fft


def erb_rate(hz: float) -> float:
    """Glasberg and Moore 1990."""
    return 21.4 * math.log10(0.00437 * hz + 1)


def _mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)
