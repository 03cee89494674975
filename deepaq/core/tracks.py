"""The tracks of the core: how far two signals are apart at every step, in structure, in level and in stereo image."""

from __future__ import annotations

import math

import numpy as np

from deepaq.core.spectrum import IMAGE_EVERY, Array, Powers, namespace

FLOOR = 1e-9  # -90 dBFS, the threshold of hearing at the nominal listening level
_TINY = 1e-12
_MASKED = 0.01  # -20 dB
_FAINT = 0.04  # dB: deviation below which a neighbourhood has hardly any structure
# A Gaussian over 3 x 3 cells with deviation 0.5, as in NSIM: the product of these weights over time and over bands.
_EDGE, _CENTRE = math.exp(-2) / (1 + 2 * math.exp(-2)), 1 / (1 + 2 * math.exp(-2))


def level(reference: Array, degraded: Array) -> Array:
    """Mean over bands of the absolute difference in dB: powers of (..., steps, bands) -> (..., steps)."""
    return level_by_band(reference, degraded).mean(-1)


def level_by_band(reference: Array, degraded: Array) -> Array:
    """Absolute difference in dB: powers of (..., steps, bands) -> the same shape."""
    return abs(decibels(reference) - decibels(degraded))


def structure(reference: Array, degraded: Array) -> Array:
    """How unlike the shapes of spectrograms are: powers of (..., steps, bands) -> (..., steps), 0 to 2.

    The structure term of NSIM (Hines and Harte 2012, Speech Communication 54): r correlates the levels of 3 x 3
    neighbouring cells. The root mean square over bands of sqrt(2 (1 - r)), the distance of two neighbourhoods that are
    freed of their mean and scaled to length 1.
    """
    return root(structure_by_band(reference, degraded).mean(-1))


def structure_by_band(reference: Array, degraded: Array) -> Array:
    """Squared distances of neighbourhoods, 0 to 4: powers of (..., steps, bands) -> (..., steps, bands / 2)."""
    x, y = _paired(reference), _paired(degraded)
    mean_x, mean_y = _blurred(x), _blurred(y)
    var_x, var_y = _blurred(x * x) - mean_x * mean_x, _blurred(y * y) - mean_y * mean_y
    xp = namespace(x)
    var_x, var_y = xp.clip(var_x, 0, None), xp.clip(var_y, 0, None)
    full_x, full_y = var_x + _FAINT**2, var_y + _FAINT**2
    covariance = _blurred(x * y) - mean_x * mean_y
    squared = var_x / full_x + var_y / full_y - 2 * covariance / xp.sqrt(full_x * full_y)
    return xp.clip(squared, 0, None)


def root(squared: Array) -> Array:
    """Square root whose gradient is finite at 0, where identical signals are."""
    return namespace(squared).sqrt(squared + _TINY) - _TINY**0.5


def mask(reference: Powers) -> Array:
    """Power below which a difference between the channels is masked by mid: (..., image steps, bands)."""
    return _MASKED * reference.mid[..., ::IMAGE_EVERY, :]


def balance(reference: Powers, degraded: Powers, masked: Array) -> Array:
    """Mean over bands of the absolute change of the interaural level difference, in dB: -> (..., steps)."""
    return balance_by_band(reference, degraded, masked).mean(-1)


def balance_by_band(reference: Powers, degraded: Powers, masked: Array) -> Array:
    """Absolute change of the interaural level difference, in dB: -> (..., image steps, bands)."""
    return abs(_level_difference(reference, masked) - _level_difference(degraded, masked))


def _level_difference(powers: Powers, masked: Array) -> Array:
    """Level of left minus level of right, dB."""
    assert powers.side is not None
    assert powers.cross is not None
    both = powers.mid[..., ::IMAGE_EVERY, :] + powers.side
    xp = namespace(both)
    left, right = (xp.clip(both + sign * 2 * powers.cross, 0, None) + masked for sign in (1, -1))
    return decibels(left) - decibels(right)


def decibels(power: Array) -> Array:
    """Level in dB re full scale of a power, with the floor added."""
    return 10 * namespace(power).log10(power + FLOOR)


def _paired(power: Array) -> Array:
    """Levels in dB above the floor of 32 bands, each two neighbours wide, in double precision for small variances."""
    power = power[..., ::2] + power[..., 1::2]
    xp = namespace(power)
    levels = 10 * xp.log10(xp.clip(power, FLOOR, None) / FLOOR)
    return levels.astype(np.float64) if isinstance(levels, np.ndarray) else levels.double()


def _blurred(cells: Array) -> Array:
    """Weighted mean over the 3 x 3 cells around every cell of (..., steps, bands); edges are repeated."""
    for axis in (-2, -1):
        cells = _along(cells, axis)
    return cells


def _along(cells: Array, axis: int) -> Array:
    xp = namespace(cells)
    length = cells.shape[axis]
    first, last = _cut(cells, axis, 0, 1), _cut(cells, axis, length - 1, length)
    padded = xp.concatenate([first, cells, last], axis)
    neighbours = _cut(padded, axis, 0, length) + _cut(padded, axis, 2, length + 2)
    return _EDGE * neighbours + _CENTRE * cells


def _cut(cells: Array, axis: int, start: int, stop: int) -> Array:
    return cells[..., start:stop, :] if axis == -2 else cells[..., start:stop]
