"""The two quantities that ViSQOL compares: levels in gammatone bands, and the structure around each level.

NSIM (Hines and Harte 2012, Speech Communication 54), the similarity averaged by ViSQOL, is the product of two terms per
band and time step: the similarity of levels, and the correlation of the surrounding 3 x 3 cells. Both become points
here, whose distance grows as the term falls.
"""

from __future__ import annotations

import math

import numpy as np

from deepaq import arrays
from deepaq.arrays import Array, namespace
from deepaq.compact import bands

BANDS = bands.NEURO_BANDS
FLOOR = -9.0  # log10 of a power: -90 dBFS, ViSQOL's floor
CELLS = 9  # cells per neighbourhood
_TAPER = 0.375  # share of power that a Hann window keeps; ViSQOL does not compensate it
_HALF_DB = 5.0  # factor for log10 of a power; ViSQOL uses 10 log10 of the amplitude
_FAINT = 0.02  # deviation below which a neighbourhood has little structure
# Gaussian over 3 x 3 cells with deviation 0.5, as in the published NSIM.
_GAUSSIAN = [math.exp(-2 * (x * x + y * y)) for x in (-1, 0, 1) for y in (-1, 0, 1)]
_WEIGHTS = np.array([weight / sum(_GAUSSIAN) for weight in _GAUSSIAN], np.float32)


def levels(samples: Array, every: int = 1) -> Array:
    """Levels in bands: (batch, frames) at 48 kHz -> (batch, steps, 32), log10 of the power relative to full scale.

    The steps are those of `bands.power`; `every` > 1 computes only every n-th step.
    """
    margin = (bands.NEURO_WINDOW - bands.WINDOW) // 2
    found = bands.energies(arrays.padded(samples, margin, margin), bands.bank("neuro"), every * bands.HOP)
    xp = namespace(found)
    return xp.log10(xp.clip(_TAPER * found, 10**FLOOR, None))


def luminance(levels: Array) -> Array:
    """Logarithm of the levels above the floor, (batch, steps, 32) -> the same shape; NSIM compares ratios of levels."""
    return namespace(levels).log(_HALF_DB * (levels - FLOOR) + 1)


def structure(levels: Array) -> Array:
    """Neighbourhoods without mean, scaled to length 1: (batch, steps, 32) -> (batch, steps, 32, 9).

    Half the squared distance between two of them is one minus their correlation.
    """
    cells = arrays.neighbours(_HALF_DB * (levels - FLOOR))
    weights, root = (arrays.like(cells, values) for values in (_WEIGHTS, np.sqrt(_WEIGHTS)))
    apart = cells - (cells * weights).sum(-1, keepdims=True)
    variance = (apart * apart * weights).sum(-1, keepdims=True)
    return apart * root / namespace(cells).sqrt(variance + _FAINT**2)
