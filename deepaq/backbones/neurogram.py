"""What ViSQOL looks at: levels in gammatone bands, and the structure of their neighbourhoods.

NSIM (Hines and Harte 2012, Speech Communication 54), the similarity that ViSQOL averages, is the product of two terms
per band and time: how alike the levels are, and how well the surrounding 3 x 3 cells correlate. Both are turned into
points here, whose distances grow as the terms fall.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from deepaq.backbones import bands
from deepaq.backbones.constant import constant

BANDS = 32
FLOOR = -9.0  # log10 of a power: -90 dBFS, below which ViSQOL does not hear
CELLS = 9  # of a neighbourhood
_WINDOW = 3840  # 80 ms, as ViSQOL's
_TAPER = 0.375  # what a Hann window leaves of a power, which ViSQOL does not make up for
_HALF_DB = 5.0  # of log10 of a power; ViSQOL takes 10 log10 of the amplitude
_FAINT = 0.02  # deviation below which a neighbourhood has hardly any structure
# A Gaussian over 3 x 3 cells, deviation 0.5, as in the published NSIM.
_WEIGHTS = [math.exp(-2 * (x * x + y * y)) for x in (-1, 0, 1) for y in (-1, 0, 1)]


def levels(samples: Tensor, every: int = 1) -> Tensor:
    """(batch, frames) at 48 kHz -> (batch, steps, 32): log10 of the power in bands, at the steps of `bands.power`.

    Relative to full scale, for how loud a signal is decides what of it is heard.
    every: leave out all steps but every so many.
    """
    margin = (_WINDOW - bands.WINDOW) // 2
    found = bands.energies(F.pad(samples, (margin, margin)), _bank().to(samples), every * bands.HOP)
    return torch.log10((_TAPER * found).clamp(min=10**FLOOR))


def luminance(levels: Tensor) -> Tensor:
    """(batch, steps, 32) -> the same: log of the level above the floor; NSIM compares ratios of levels."""
    return torch.log(_HALF_DB * (levels - FLOOR) + 1)


def structure(levels: Tensor) -> Tensor:
    """(batch, steps, 32) -> (batch, steps, 32, 9): every neighbourhood, freed of its mean and scaled to length 1.

    Half the squared distance of two of them is one minus their correlation.
    """
    cells = F.unfold(F.pad(_HALF_DB * (levels[:, None] - FLOOR), (1, 1, 1, 1), mode="replicate"), 3)
    cells = cells.transpose(1, 2).unflatten(1, levels.shape[1:])
    weights = _weights().to(cells)
    apart = cells - (cells * weights).sum(dim=3, keepdim=True)
    variance = (apart.square() * weights).sum(dim=3, keepdim=True)
    return apart * weights.sqrt() / (variance + _FAINT**2).sqrt()


@cache
def _bank() -> Tensor:
    """(bins, 32): centres evenly spaced in ERB-rate from 50 Hz, where the next one would be at 24 kHz."""
    rates = np.linspace(bands.erb_rate(50), bands.erb_rate(bands.SAMPLE_RATE / 2), BANDS, endpoint=False)
    return constant(bands.gammatone(rates, _WINDOW))


@cache
def _weights() -> Tensor:
    return constant(np.array(_WEIGHTS) / sum(_WEIGHTS))
