"""Band spectra: input of the compact network and of the plain spectral distances."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

SAMPLE_RATE = 48_000
WINDOW, HOP = 2048, 960  # 43 ms Hann windows, 50 frames a second
FRAMES_PER_S = SAMPLE_RATE / HOP
FLOOR = 1e-7  # relative to the signal's power: -70 dB
_QUIET_RMS = 1e-3  # -60 dBFS
_BLOCK = 64  # steps computed together, so that their spectra fit the processor's cache
NEURO_WINDOW, NEURO_BANDS = 3840, 32  # ViSQOL's: 80 ms

Matrix = npt.NDArray[np.float32]


def erb_bands(bands: int = 64, low_hz: float = 50.0, high_hz: float = 20_000.0) -> Matrix:
    """Gammatone filters for windows of 2048 samples, (bins, bands), from `low_hz` to `high_hz`."""
    return _gammatone(np.linspace(_erb_rate(low_hz), _erb_rate(high_hz), bands), WINDOW)


def neuro_bands() -> Matrix:
    """Gammatone filters for windows of 3840 samples, (bins, 32), from 50 Hz to 24 kHz (exclusive)."""
    rates = np.linspace(_erb_rate(50), _erb_rate(SAMPLE_RATE / 2), NEURO_BANDS, endpoint=False)
    return _gammatone(rates, NEURO_WINDOW)


def _gammatone(erb_rates: npt.NDArray[np.float64], window: int) -> Matrix:
    """Power responses of fourth-order gammatone filters at the centres (bands,): (window // 2 + 1, bands).

    ERB and ERB-rate by Glasberg and Moore (1990); width 1.019 ERB by Patterson et al. (1992).
    """
    centres = (10 ** (erb_rates / 21.4) - 1) / 0.00437
    widths = 1.019 * 24.7 * (0.00437 * centres + 1)
    offset = (_bin_hz(window)[:, None] - centres) / widths
    return np.asarray((1 + offset**2) ** -4, np.float32)


def mel_bands(bands: int = 96, low_hz: float = 20.0, high_hz: float = 22_000.0) -> Matrix:
    """Triangular filters of height 1, (bins, bands), evenly spaced on the mel scale (O'Shaughnessy 1987)."""
    edges = np.linspace(_mel(low_hz), _mel(high_hz), bands + 2)
    hz = 700 * (10 ** (edges / 2595) - 1)
    # Widen low triangles to two bins, so that no band is empty.
    lower, centre, upper = hz[:-2], hz[1:-1], hz[2:]
    width = SAMPLE_RATE / WINDOW
    lower, upper = np.minimum(lower, centre - width), np.maximum(upper, centre + width)
    f = _bin_hz(WINDOW)[:, None]
    triangles = np.minimum((f - lower) / (centre - lower), (upper - f) / (upper - centre))
    return np.asarray(np.clip(triangles, 0, None), np.float32)


def power(samples: Tensor) -> Tensor:
    """Power spectra of signals scaled to RMS 1: (batch, frames) at 48 kHz -> (batch, steps, bins).

    The bins of a step sum to about 1. Signals below -60 dBFS are scaled as if at that level.
    """
    taper = torch.hann_window(WINDOW, dtype=samples.dtype, device=samples.device)
    rms = samples.square().mean(dim=1, keepdim=True).sqrt().clamp(min=_QUIET_RMS)
    spectrum = torch.stft(samples / rms, WINDOW, HOP, window=taper, center=False, return_complex=True)
    return _power(spectrum).transpose(1, 2) * _scale(taper)


def energies(samples: Tensor, bank: Tensor, hop: int = HOP) -> Tensor:
    """Powers in bands of Hann windows: (batch, frames) and (bins, bands) -> (batch, steps, bands).

    A window has 2 * (bins - 1) samples and starts every `hop` samples.
    """
    window = 2 * (len(bank) - 1)
    taper = torch.hann_window(window, dtype=samples.dtype, device=samples.device)
    blocks = samples.unfold(1, window, hop).split(_BLOCK, dim=1)
    return torch.cat([_power(torch.fft.rfft(block * taper)) @ bank for block in blocks], dim=1) * _scale(taper)


def _power(spectrum: Tensor) -> Tensor:
    return spectrum.real.square() + spectrum.imag.square()


def _scale(taper: Tensor) -> float:
    """Factor that makes the powers in a window sum to the power of the signal."""
    return 2 / (len(taper) * float(taper.square().sum()))


def log_energy(energy: Tensor, floor: float = FLOOR) -> Tensor:
    """log10 of a power plus a floor, by default 70 dB below the power of the signal."""
    return torch.log10(energy + floor)


_BANKS = {"erb": erb_bands, "mel": mel_bands, "neuro": neuro_bands}


@cache
def bank(kind: str) -> Tensor:
    """Filter bank `erb` (64 bands), `mel` (96) or `neuro` (32), cached: float32 (bins, bands)."""
    return constant(_BANKS[kind]())


def constant(values: npt.ArrayLike) -> Tensor:
    """Make a float32 tensor that autograd accepts, even in inference mode."""
    with torch.inference_mode(False):
        return torch.from_numpy(np.array(values, np.float32))


def _bin_hz(window: int) -> npt.NDArray[np.float64]:
    return np.arange(window // 2 + 1) * SAMPLE_RATE / window


def _erb_rate(hz: float) -> float:
    return 21.4 * math.log10(0.00437 * hz + 1)


def _mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)
