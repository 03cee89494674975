"""By how much one of two aligned signals is louder, and the scale on which networks that hear level hear a pair.

A ratio of powers would take drop-outs, noise and a lost band for a change of level. What is taken here is the ratio
that most of the sound has: the median over time and frequency.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from deepaq.constant import constant

QUIET_RMS = 1e-3  # -60 dBFS: below it a signal is not raised further
_WINDOW = 2048
_BANDS = 24  # evenly spaced in log frequency, where the lowest are wide enough


def rms(samples: Tensor) -> Tensor:
    """(batch, frames) -> (batch, 1), at least -60 dBFS."""
    return samples.square().mean(dim=-1, keepdim=True).sqrt().clamp(min=QUIET_RMS)


@torch.no_grad()
def gain(reference: Tensor, degraded: Tensor) -> Tensor:
    """Aligned signals of (batch, frames) -> (batch, 1): the factor by which the degraded one is louder.

    The median, weighted by the product of both amplitudes, of the ratio of amplitudes in bands; 1 where one is silent.
    """
    first, second = (_amplitudes(samples) for samples in (reference, degraded))
    weights = first * second
    ratio, order = (second / first.clamp(min=torch.finfo(first.dtype).tiny)).sort(dim=1)
    total = weights.gather(1, order).cumsum(dim=1)
    half = total[:, -1:] / 2
    middle = torch.searchsorted(total, half).clamp(max=total.shape[1] - 1)
    return torch.where(half > 0, ratio.gather(1, middle), 1.0)


def scaled(reference: Tensor, degraded: Tensor, louder: Tensor | float) -> tuple[Tensor, Tensor]:
    """A pair of (batch, frames), or (batch, 2, frames) of mid and side, as networks take it for a full reference.

    The reference has an RMS of 1, where it is not too quiet; the degraded signal, with its gain `louder` taken back,
    is as much louder or softer as it is at that moment.
    """
    unit = rms(mid(reference))
    back = unit * louder
    if reference.ndim == 3:
        unit, back = unit[:, None], back[:, None]
    return reference / unit, degraded / back


def mid(samples: Tensor) -> Tensor:
    """(batch, frames), or (batch, 2, frames) of mid and side -> (batch, frames)."""
    return samples if samples.ndim == 2 else samples[:, 0]


def _amplitudes(samples: Tensor) -> Tensor:
    """(batch, frames) -> (batch, cells)."""
    frames = F.pad(samples, (0, max(0, _WINDOW - samples.shape[1]))).unfold(1, _WINDOW, _WINDOW)
    spectrum = torch.fft.rfft(frames * torch.hann_window(_WINDOW, dtype=samples.dtype, device=samples.device))
    power = spectrum.real.square() + spectrum.imag.square()
    return (power @ _bands().to(power)).sqrt().flatten(1)


@cache
def _bands() -> Tensor:
    """(bins, bands), 1 where a bin belongs to a band; the constant belongs to none."""
    edges = np.unique(np.geomspace(1, _WINDOW // 2 + 1, _BANDS + 1).round().astype(int))
    bins = np.arange(_WINDOW // 2 + 1)[:, None]
    return constant((bins >= edges[:-1]) & (bins < edges[1:]))
