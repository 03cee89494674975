"""Statistics of a clip, from which a small network judges it without its reference."""

from __future__ import annotations

import numpy as np

from deepaq import arrays
from deepaq.arrays import Array, namespace

ERB, MEL, FLAT = 64, 96, 24  # columns of a step
SIZE = 6 * (ERB + MEL) + FLAT
_FLAT_FLOOR = 1e-11  # share of the signal's power, per bin
_QUANTILES = np.array([0.1, 0.5, 0.9], np.float32)


def flatness(power: Array) -> Array:
    """(batch, steps, bins) -> (batch, steps, 24): log10 of geometric over arithmetic mean, in bands of equal width.

    Near 0 for noise, strongly negative for tones and for spectra with holes.
    """
    xp, width = namespace(power), (power.shape[-1] - 1) // FLAT
    banded = power[..., 1 : 1 + width * FLAT].reshape(power.shape[0], -1, FLAT, width) + _FLAT_FLOOR
    return xp.log10(banded).mean(-1) - xp.log10(banded.mean(-1))


def statistics(energies: Array, flat: Array) -> Array:
    """Log energies in bands and flatness of every step, (..., steps, bands) -> (..., 984).

    Of every band: mean, deviation, quantiles .1, .5 and .9, mean change from step to step; then the mean flatness.
    """
    deviation = energies - energies.mean(-2)[..., None, :]
    spread = ((deviation * deviation).sum(-2) / (energies.shape[-2] - 1)) ** 0.5
    change = abs(energies[..., 1:, :] - energies[..., :-1, :]).mean(-2)
    quantiles = arrays.quantiles(energies, _QUANTILES, -2)
    return namespace(energies).concatenate([energies.mean(-2), spread, *quantiles, change, flat.mean(-2)], -1)
