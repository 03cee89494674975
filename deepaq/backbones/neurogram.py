"""The two quantities that ViSQOL compares: levels in gammatone bands, and the structure around each level.

NSIM (Hines and Harte 2012, Speech Communication 54), the similarity averaged by ViSQOL, is the product of two terms per
band and time step: the similarity of levels, and the correlation of the surrounding 3 x 3 cells. Both become points
here, whose distance grows as the term falls.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from deepaq.backbones import bands

BANDS = bands.NEURO_BANDS
FLOOR = -9.0  # log10 of a power: -90 dBFS, ViSQOL's floor
CELLS = 9  # cells per neighbourhood
_TAPER = 0.375  # share of power that a Hann window keeps; ViSQOL does not compensate it
_HALF_DB = 5.0  # factor for log10 of a power; ViSQOL uses 10 log10 of the amplitude
_FAINT = 0.02  # deviation below which a neighbourhood has little structure
# Gaussian over 3 x 3 cells with deviation 0.5, as in the published NSIM.
_WEIGHTS = [math.exp(-2 * (x * x + y * y)) for x in (-1, 0, 1) for y in (-1, 0, 1)]


def levels(samples: Tensor, every: int = 1) -> Tensor:
    """Levels in bands: (batch, frames) at 48 kHz -> (batch, steps, 32), log10 of the power relative to full scale.

    The steps are those of `bands.power`; `every` > 1 computes only every n-th step.
    """
    margin = (bands.NEURO_WINDOW - bands.WINDOW) // 2
    found = bands.energies(F.pad(samples, (margin, margin)), bands.bank("neuro").to(samples), every * bands.HOP)
    return torch.log10((_TAPER * found).clamp(min=10**FLOOR))


def luminance(levels: Tensor) -> Tensor:
    """Logarithm of the levels above the floor, (batch, steps, 32) -> the same shape; NSIM compares ratios of levels."""
    return torch.log(_HALF_DB * (levels - FLOOR) + 1)


def structure(levels: Tensor) -> Tensor:
    """Neighbourhoods without mean, scaled to length 1: (batch, steps, 32) -> (batch, steps, 32, 9).

    Half the squared distance between two of them is one minus their correlation.
    """
    cells = F.unfold(F.pad(_HALF_DB * (levels[:, None] - FLOOR), (1, 1, 1, 1), mode="replicate"), 3)
    cells = cells.transpose(1, 2).unflatten(1, levels.shape[1:])
    weights = _weights().to(cells)
    apart = cells - (cells * weights).sum(dim=3, keepdim=True)
    variance = (apart.square() * weights).sum(dim=3, keepdim=True)
    return apart * weights.sqrt() / (variance + _FAINT**2).sqrt()


@cache
def _weights() -> Tensor:
    return bands.constant(np.array(_WEIGHTS) / sum(_WEIGHTS))
