"""The constant gain between two aligned signals.

A ratio of overall levels would count a dropout as a gain. The gain is the ratio that holds for most of the time: the
median over short frames.
"""

from __future__ import annotations

import numpy as np

from deepaq.audio.samples import Samples

_FRAME = 2048


def gain(reference: Samples, degraded: Samples) -> float:
    """The factor by which the degraded signal is louder, from aligned signals of (frames,).

    The median over frames of the ratio of amplitudes, weighted by their product; 1 if one signal is silent.
    `deepaq.backbones.level.gain` is the same for batches of tensors.
    """
    first, second = (_amplitudes(samples) for samples in (reference, degraded))
    weights = first * second
    total = weights.sum()
    if not total > 0:
        return 1.0
    ratio = second / np.maximum(first, np.finfo(first.dtype).tiny)
    order = np.argsort(ratio)
    middle = np.searchsorted(np.cumsum(weights[order]), total / 2)
    return float(ratio[order[min(middle, len(order) - 1)]])


def _amplitudes(samples: Samples) -> Samples:
    """Roots of the energies of short frames, without the mean; a last shorter frame is left out unless it is alone."""
    samples = samples - samples.mean(dtype=np.float64).astype(samples.dtype)
    if len(samples) < _FRAME:
        samples = np.pad(samples, (0, _FRAME - len(samples)))
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    energies: Samples = np.sqrt(np.einsum("fs,fs->f", frames, frames))
    return energies
