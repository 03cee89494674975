"""The loss of a batch: Rank-N-Contrast over MOS and bitrate, and regression to the MOS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from deepaq.core.pooling import MEAN, Pooling
from training.objective.batch import Labels
from training.objective.curve import Curve
from training.objective.loss import Loss, bitrate_pairs, pairwise_distances, printed_bitrate_pairs, rank_n_contrast
from training.settings import Contrast, Objective

_HUBER = 0.25  # MOS beyond which an error counts linearly


@dataclass(frozen=True)
class Terms:
    """total: the loss. parts: its terms before weighting, minus the floor of ties, for the log."""

    total: Tensor
    parts: dict[str, Tensor]

    def plus(self, other: Terms) -> Terms:
        """Return the sum of both."""
        return Terms(self.total + other.total, {**self.parts, **other.parts})


def full(
    points: Tensor, labels: Labels, curve: Curve, weights: Objective, settings: Contrast, pooling: Pooling = MEAN
) -> Terms:
    """Return the loss of (batch, steps, dims) points, in a batch with the clean clip of each."""
    terms = contrast(points, labels, weights, settings, pooling)
    if not weights.regression:
        return terms
    return terms.plus(regression(to_own_clean(points, labels, pooling), labels, curve, weights.regression))


def unmatched(points: Tensor, labels: Labels, curve: Curve, weights: Objective, settings: Contrast) -> Terms:
    """Return the loss of (batch, dims) points of whole clips, some of them clean."""
    terms = contrast(points[:, None], labels, weights, settings)
    if not weights.regression:
        return terms
    return terms.plus(regression(to_centre(points, labels), labels, curve, weights.regression))


def contrast(points: Tensor, labels: Labels, weights: Objective, settings: Contrast, pooling: Pooling = MEAN) -> Terms:
    """Return Rank-N-Contrast of (batch, steps, dims) points.

    Points of one step are compared across clips, as in the paper, unless `settings.within_clip`. Points of several
    steps describe moments of their clip and are compared with degraded clips of the same reference only.
    """
    names = [name for name in ("mos", "bitrate") if getattr(weights, name)]
    if not names:
        return Terms(points.new_zeros(()), {})
    across = points.shape[1] == 1 and not settings.within_clip
    groups = [torch.arange(len(points), device=points.device)[None]] if across else labels.clips
    losses = [_ranked(points, labels, own, weights, settings, pooling) for own in groups]
    found = dict(zip(names, (reduce(Loss.plus, terms) for terms in zip(*losses, strict=True)), strict=True))
    total = torch.stack([getattr(weights, name) * loss.value for name, loss in found.items()]).sum()
    return Terms(total, {name: loss.excess for name, loss in found.items()})


def _ranked(
    points: Tensor, labels: Labels, own: Tensor, weights: Objective, settings: Contrast, pooling: Pooling
) -> list[Loss]:
    """Return the terms with a weight, over MOS and bitrate, of the samples at the places `own`, (groups, n), compared
    within their group."""
    distances, codec = pairwise_distances(points[own], settings.normalise, pooling), labels.codec[own]
    values, masks = [], []
    if weights.mos:
        values.append(labels.mos[own][None])
        masks.append(torch.ones_like(distances, dtype=torch.bool)[None])
    if weights.bitrate:
        pairs = (
            printed_bitrate_pairs(codec, across_codecs=settings.scope == "all")
            if settings.printed
            else bitrate_pairs(codec, labels.codecs, clean_anchors=not settings.literal_bitrate)
        )
        values.append(labels.rank[own].expand(len(pairs), *own.shape))
        masks.append(pairs)
    # All at once: the number of operations, each a kernel on a GPU, is that of one term.
    loss = rank_n_contrast(distances, torch.cat(values), torch.cat(masks), settings.tau, settings.printed)
    return loss.parts([len(mask) for mask in masks])


def regression(distances: Tensor, labels: Labels, curve: Curve, weight: float) -> Terms:
    """Return the Huber loss between `curve` of (batch,) distances and the MOS labels, without clean samples."""
    apart = huber_loss(curve(distances), labels.mos.to(distances.dtype), delta=_HUBER, reduction="none")
    degraded = (~labels.clean).to(distances.dtype)
    loss = (apart * degraded).sum() / degraded.sum().clamp(min=1)
    return Terms(weight * loss, {"regression": loss.detach()})


def to_own_clean(points: Tensor, labels: Labels, pooling: Pooling = MEAN) -> Tensor:
    """Return the distance of every sample to its clean clip in the batch, (batch,), of (batch, steps, dims) points."""
    return pooling.distance(points[labels.own_clean], points)


def to_centre(points: Tensor, labels: Labels) -> Tensor:
    """Return the distance of every sample to the mean of the clean ones, (batch,), of (batch, dims) points."""
    clean = labels.clean.to(points.dtype)
    return torch.linalg.vector_norm(points - (clean @ points) / clean.sum(), dim=1)
