"""By how much one of two aligned signals is louder.

The ratio of the levels of two whole signals would take a drop-out for a lower level of all the rest. What is taken here
is the ratio that most of the time has: the median over short frames.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_FRAME = 2048


@torch.no_grad()
def gain(reference: Tensor, degraded: Tensor) -> Tensor:
    """Aligned signals of (batch, frames) -> (batch, 1): the factor by which the degraded one is louder.

    The median over frames of the ratio of amplitudes, weighted by their product; 1 where one signal is silent.
    """
    # A constant offset is inaudible.
    first, second = (_amplitudes(samples - samples.mean(dim=1, keepdim=True)) for samples in (reference, degraded))
    weights = first * second
    ratio, order = (second / first.clamp(min=torch.finfo(first.dtype).tiny)).sort(dim=1)
    total = weights.gather(1, order).cumsum(dim=1)
    half = total[:, -1:] / 2
    middle = (total < half).sum(dim=1, keepdim=True)
    return torch.where(half > 0, ratio.gather(1, middle), 1.0)


def without(samples: Tensor, louder: Tensor | float) -> Tensor:
    """Remove the gains, (batch, 1), from signals of shape (batch, frames) or (batch, 2, frames)."""
    return samples / (louder[:, None] if samples.ndim == 3 and isinstance(louder, Tensor) else louder)


def mid(samples: Tensor) -> Tensor:
    """(batch, frames), or (batch, 2, frames) of mid and side -> (batch, frames)."""
    return samples if samples.ndim == 2 else samples[:, 0]


def _amplitudes(samples: Tensor) -> Tensor:
    """(batch, frames) -> (batch, short frames): roots of their energies, without an incomplete last frame."""
    samples = F.pad(samples, (0, max(0, _FRAME - samples.shape[1])))
    count = samples.shape[1] // _FRAME
    return torch.linalg.vector_norm(samples[:, : count * _FRAME].reshape(-1, count, _FRAME), dim=2)
