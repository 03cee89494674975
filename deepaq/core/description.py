"""Statistics of a clip, from which a small network judges it without its reference.

`flatness` and `statistics` work on NumPy arrays and on torch tensors: one definition for scoring and for training.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from deepaq import fourier
from deepaq.audio import Samples
from deepaq.core.filterbank import Matrix, erb_bands, mel_bands
from deepaq.core.spectrum import HOP, WINDOW, Array, namespace

ERB, MEL, FLAT = 64, 96, 24  # columns of a step
SIZE = 6 * (ERB + MEL) + FLAT
FLOOR = 1e-7  # relative to the signal's power: -70 dB
QUIET_RMS = 1e-3  # -60 dBFS
_FLAT_FLOOR = 1e-11  # share of the signal's power, per bin
_QUANTILES = np.array([0.1, 0.5, 0.9], np.float32)
_CHUNK = 64  # steps whose spectra fit the processor's cache


def describe(mid: Samples) -> Samples:
    """Describe a mono signal at 48 kHz, at least one window long: (frames,) -> (984,).

    The level does not matter: the signal is scaled to RMS 1, or as if at -60 dBFS if it is below.
    """
    rms = max(float(np.sqrt(np.mean(np.square(mid), dtype=np.float64))), QUIET_RMS)
    frames = np.lib.stride_tricks.sliding_window_view(mid * np.float32(1 / rms), WINDOW)[::HOP]
    energies, flat = [], []
    for start in range(0, len(frames), _CHUNK):
        spectrum = fourier.rfft(frames[start : start + _CHUNK] * _taper(), axis=-1)
        power = (spectrum.real**2 + spectrum.imag**2) * np.float32(scale())
        energies.append(np.log10(power @ _banks() + np.float32(FLOOR)))
        flat.append(flatness(power))
    found: Samples = statistics(np.concatenate(energies), np.concatenate(flat))
    return found


def flatness(power: Array) -> Array:
    """(..., bins) -> (..., 24): log10 of geometric over arithmetic mean, in bands of equal width.

    Near 0 for noise, strongly negative for tones and for spectra with holes.
    """
    xp, width = namespace(power), (power.shape[-1] - 1) // FLAT
    banded = power[..., 1 : 1 + width * FLAT].reshape(*power.shape[:-1], FLAT, width) + _FLAT_FLOOR
    return xp.log10(banded).mean(-1) - xp.log10(banded.mean(-1))


def statistics(energies: Array, flat: Array) -> Array:
    """Log energies in bands and flatness of every step, (..., steps, bands) -> (..., 984).

    Of every band: mean, deviation, quantiles .1, .5 and .9, mean change from step to step; then the mean flatness.
    """
    xp = namespace(energies)
    wanted = _QUANTILES if xp is np else xp.from_numpy(_QUANTILES).to(energies)
    deviation = energies - energies.mean(-2)[..., None, :]
    spread = ((deviation * deviation).sum(-2) / (energies.shape[-2] - 1)) ** 0.5
    change = abs(energies[..., 1:, :] - energies[..., :-1, :]).mean(-2)
    quantiles = xp.quantile(energies, wanted, -2)
    return xp.concatenate([energies.mean(-2), spread, *quantiles, change, flat.mean(-2)], -1)


def scale() -> float:
    """Factor that makes the powers in a window sum to the power of the signal."""
    return 2 / (WINDOW * float(np.square(_taper()).sum()))


@cache
def _taper() -> Samples:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@cache
def _banks() -> Matrix:
    return np.concatenate([erb_bands(ERB, WINDOW), mel_bands(MEL, WINDOW)], axis=1)
