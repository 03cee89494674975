"""Peripheral ear of ITU-R BS.1387, basic version: from samples to excitation in 109 bands of a quarter Bark.

Equations follow ITU-R BS.1387-1, annex 2, section 2.1, and P. Kabal, "An Examination and Interpretation of ITU-R
BS.1387: Perceptual Evaluation of Audio Quality", McGill University, 2003, section 2, where the recommendation is
ambiguous. Arrays are (steps, channels, bins or bands); energies are linear, and 1 is 0 dB SPL.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft

from deepaq.audio import Samples

Reals = npt.NDArray[np.float64]

SAMPLE_RATE = 48_000
FRAME, HOP = 2048, 1024
STEPS_PER_S = SAMPLE_RATE / HOP
BINS = FRAME // 2 + 1
BARK = 0.25  # width of a band
LOWEST_HZ, HIGHEST_HZ = 80.0, 18_000.0
FULL_SCALE_DB, CALIBRATION_HZ = 92.0, 1019.5  # assumed playback level of a full-scale sine, dB SPL
LEAST_ENERGY = 1e-12


def _bark(hertz: float) -> float:
    return 7 * float(np.arcsinh(hertz / 650))


def _hertz(bark: Reals) -> Reals:
    return 650 * np.sinh(bark / 7)


_EDGES = np.append(np.arange(_bark(LOWEST_HZ), _bark(HIGHEST_HZ), BARK), _bark(HIGHEST_HZ))
BANDS = len(_EDGES) - 1  # 109
CENTRES_HZ: Reals = _hertz((_EDGES[:-1] + _EDGES[1:]) / 2)
# Energy of the ear's internal noise.
INTERNAL_NOISE: Reals = 10 ** (0.4 * 0.364 * (CENTRES_HZ / 1000) ** -0.8)
_WINDOW: Reals = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / (FRAME - 1))


def count_steps(frames: int) -> int:
    """Number of analysis frames: 2048 samples every 1024, the last one zero-padded."""
    return max(1, -(-(frames - FRAME) // HOP) + 1)


def magnitudes(samples: Samples, start: int, stop: int) -> Reals:
    """Calibrated spectra of the analysis frames start ... stop - 1.

    samples: (frames, channels), full scale 1. Returns (steps, channels, 1025), unweighted: the square root of energy.
    """
    piece = samples[start * HOP : (stop - 1) * HOP + FRAME].astype(np.float64)
    piece = np.pad(piece, [(0, (stop - start - 1) * HOP + FRAME - len(piece)), (0, 0)])
    frames = np.lib.stride_tricks.sliding_window_view(piece, FRAME, axis=0)[::HOP]
    spectra: Reals = np.abs(rfft(frames * (_WINDOW * _gain()), axis=-1))
    return spectra


@cache
def _gain() -> float:
    """Gain that makes the peak of a full-scale sine of 1019.5 Hz, which falls between two bins, 92 dB."""
    position = CALIBRATION_HZ * FRAME / SAMPLE_RATE
    offset = position - round(position)
    peak = np.abs(np.sum(_WINDOW * np.exp(2j * np.pi * offset * np.arange(FRAME) / FRAME))) / 2
    return float(10 ** (FULL_SCALE_DB / 20) / peak)


@cache
def outer_ear() -> Reals:
    """Weights of the outer and middle ear for magnitudes: (bins,)."""
    khz = np.arange(1, BINS) * SAMPLE_RATE / FRAME / 1000
    decibels = -0.6 * 3.64 * khz**-0.8 + 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) - 1e-3 * khz**3.6
    weights: Reals = np.append(0.0, 10 ** (decibels / 20))
    return weights


@cache
def _grouping() -> Reals:
    """Share of each bin, taken as one bin wide, that falls into each band: (bins, bands)."""
    edges = _hertz(_EDGES) * FRAME / SAMPLE_RATE
    bins = np.arange(BINS)[:, None]
    shares: Reals = np.clip(np.minimum(edges[1:], bins + 0.5) - np.maximum(edges[:-1], bins - 0.5), 0, 1)
    return shares


def band_energies(weighted: Reals) -> Reals:
    """Sum magnitudes (..., bins) to energies (..., bands), at least 1e-12."""
    return np.maximum(np.square(weighted) @ _grouping(), LEAST_ENERGY)


def excitation(weighted: Reals) -> Reals:
    """Excitation of weighted magnitudes, (..., bins) -> (..., bands): energies with noise, spread."""
    pattern: Reals = _spread(band_energies(weighted) + INTERNAL_NOISE) / _unit_spread()
    return pattern


@cache
def _unit_spread() -> Reals:
    return _spread(np.ones(BANDS))


def _spread(energies: Reals) -> Reals:
    """Spread energies over bands, (..., bands) -> (..., bands), without normalisation.

    The energy of a band falls by 27 dB/Bark below it and by 24 + 230 Hz/f - 0.2 L dB/Bark above it, divided by the sum
    of these weights to conserve energy. Contributions to a band are summed with an exponent of .4.
    """
    power = 0.4
    below = 10 ** (-2.7 * BARK)
    above = 10 ** (BARK * (-2.4 - 23 / CENTRES_HZ)) * energies ** (0.2 * BARK)
    above = np.minimum(above, 1 - 1e-6)  # also above 120 dB
    bands = np.arange(BANDS)
    total = (1 - below ** (bands + 1)) / (1 - below) + (1 - above ** (BANDS - bands)) / (1 - above) - 1
    own = (energies / total) ** power
    result = own.copy()
    for band in range(BANDS - 2, -1, -1):
        result[..., band] += below**power * result[..., band + 1]
    slope = above**power
    moved = own
    for step in range(1, BANDS):
        moved = moved[..., :-1] * slope[..., : BANDS - step]
        result[..., step:] += moved
    return result ** (1 / power)
