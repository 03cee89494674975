"""Band spectra: input of the compact network and of the plain spectral distances."""

from __future__ import annotations

from functools import cache

import numpy as np

from deepaq import arrays, fourier
from deepaq.arrays import Array, namespace
from deepaq.core import filterbank
from deepaq.core.filterbank import SAMPLE_RATE, Matrix, erb_rate, gammatone

WINDOW, HOP = 2048, 960  # 43 ms Hann windows, 50 frames a second
FRAMES_PER_S = SAMPLE_RATE / HOP
FLOOR = 1e-7  # relative to the signal's power: -70 dB
_QUIET_RMS = 1e-3  # -60 dBFS
_BLOCK = 64  # steps computed together, so that their spectra fit the processor's cache
NEURO_WINDOW, NEURO_BANDS = 3840, 32  # ViSQOL's: 80 ms


def erb_bands(bands: int = 64, low_hz: float = 50.0, high_hz: float = 20_000.0) -> Matrix:
    """Gammatone filters for windows of 2048 samples, (bins, bands), from `low_hz` to `high_hz`."""
    return filterbank.erb_bands(bands, WINDOW, low_hz, high_hz)


def neuro_bands() -> Matrix:
    """Gammatone filters for windows of 3840 samples, (bins, 32), from 50 Hz to 24 kHz (exclusive)."""
    rates = np.linspace(erb_rate(50), erb_rate(SAMPLE_RATE / 2), NEURO_BANDS, endpoint=False)
    return gammatone(rates, NEURO_WINDOW)


def mel_bands() -> Matrix:
    """96 triangular filters for windows of 2048 samples, (bins, 96), from 20 Hz to 22 kHz."""
    return filterbank.mel_bands(96, WINDOW)


def power(samples: Array) -> Array:
    """Power spectra of signals scaled to RMS 1: (batch, frames) at 48 kHz -> (batch, steps, bins).

    The bins of a step sum to about 1. Signals below -60 dBFS are scaled as if at that level.
    """
    xp = namespace(samples)
    rms = xp.clip(xp.sqrt((samples * samples).mean(-1, keepdims=True)), _QUIET_RMS, None)
    spectra = arrays.power_spectra(samples / rms, arrays.like(samples, fourier.hann(WINDOW)), HOP, _BLOCK)
    return xp.concatenate(list(spectra), -2) * _scale(WINDOW)


def energies(samples: Array, bank: Matrix, hop: int = HOP) -> Array:
    """Powers in bands of Hann windows: (batch, frames) and (bins, bands) -> (batch, steps, bands).

    A window has 2 * (bins - 1) samples and starts every `hop` samples.
    """
    window = 2 * (len(bank) - 1)
    filters = arrays.like(samples, bank)
    spectra = arrays.power_spectra(samples, arrays.like(samples, fourier.hann(window)), hop, _BLOCK)
    return namespace(samples).concatenate([arrays.banded(block, filters) for block in spectra], -2) * _scale(window)


def _scale(window: int) -> float:
    """Factor that makes the powers in a Hann window sum to the power of the signal; its squares sum to 3/8 of it."""
    return 2 / (window * 0.375 * window)


def log_energy(energy: Array, floor: float = FLOOR) -> Array:
    """log10 of a power plus a floor, by default 70 dB below the power of the signal."""
    return namespace(energy).log10(energy + floor)


_BANKS = {"erb": erb_bands, "mel": mel_bands, "neuro": neuro_bands}


@cache
def bank(kind: str) -> Matrix:
    """Filter bank `erb` (64 bands), `mel` (96) or `neuro` (32), cached: float32 (bins, bands)."""
    return _BANKS[kind]()
