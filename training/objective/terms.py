"""The loss of a batch: Rank-N-Contrast over MOS and bitrate, and regression to the MOS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from deepaq.core.pooling import MEAN, Pooling
from training.objective.batch import Labels
from training.objective.curve import Curve
from training.objective.loss import (
    Loss,
    bitrate_contrast,
    joined,
    pairwise_distances,
    printed_bitrate_contrast,
    rank_n_contrast,
)
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
    fit = regression(to_own_clean(points, labels, pooling), labels, curve, weights.regression)
    return contrast(points, labels, weights, settings, pooling).plus(fit)


def unmatched(points: Tensor, labels: Labels, curve: Curve, weights: Objective, settings: Contrast) -> Terms:
    """Return the loss of (batch, dims) points of whole clips, some of them clean."""
    fit = regression(to_centre(points, labels), labels, curve, weights.regression)
    return contrast(points[:, None], labels, weights, settings).plus(fit)


def contrast(points: Tensor, labels: Labels, weights: Objective, settings: Contrast, pooling: Pooling = MEAN) -> Terms:
    """Return Rank-N-Contrast of (batch, steps, dims) points.

    Points of one step are compared across clips, as in the paper, unless `settings.within_clip`. Points of several
    steps describe moments of their clip and are compared with degraded clips of the same reference only.
    """
    terms = Terms(points.new_zeros(()), {})
    if not (weights.mos or weights.bitrate):
        return terms
    across = points.shape[1] == 1 and not settings.within_clip
    groups = [torch.arange(len(points), device=points.device)[None]] if across else _by_clip(labels.clip)
    distances = [pairwise_distances(points[rows], settings.normalise, pooling) for rows in groups]

    def term(name: str, weight: float, of: Callable[[Tensor, Tensor], Loss]) -> Terms:
        loss = joined([of(apart, rows) for apart, rows in zip(distances, groups, strict=True)]).pooled()
        return Terms(weight * loss.value, {name: loss.value.detach() - loss.floor})

    def mos(apart: Tensor, rows: Tensor) -> Loss:
        return rank_n_contrast(apart, labels.mos[rows], tau=settings.tau, printed=settings.printed)

    def bitrate(apart: Tensor, rows: Tensor) -> Loss:
        given = apart, labels.codec[rows], labels.rank[rows], settings.tau
        if settings.printed:
            return printed_bitrate_contrast(*given, across_codecs=settings.scope == "all")
        return bitrate_contrast(*given, clean_anchors=not settings.literal_bitrate)

    if weights.mos:
        terms = terms.plus(term("mos", weights.mos, mos))
    if weights.bitrate:
        terms = terms.plus(term("bitrate", weights.bitrate, bitrate))
    return terms


def _by_clip(clip: Tensor) -> list[Tensor]:
    """Return the rows of every clip, (clips, n) if all have as many, else one (1, n) per clip."""
    _, place, counts = clip.unique(return_inverse=True, return_counts=True)
    groups = place.argsort(stable=True).split(counts.tolist())
    return [torch.stack(groups)] if len(set(map(len, groups))) == 1 else [rows[None] for rows in groups]


def regression(distances: Tensor, labels: Labels, curve: Curve, weight: float) -> Terms:
    """Return the Huber loss between `curve` of (batch,) distances and the MOS labels, without clean samples."""
    degraded = ~labels.clean
    if not weight or not bool(degraded.any()):
        return Terms(distances.new_zeros(()), {})
    loss = huber_loss(curve(distances[degraded]), labels.mos[degraded].to(distances.dtype), delta=_HUBER)
    return Terms(weight * loss, {"regression": loss.detach()})


def to_own_clean(points: Tensor, labels: Labels, pooling: Pooling = MEAN) -> Tensor:
    """Return the distance of every sample to its clean clip in the batch, (batch,), of (batch, steps, dims) points."""
    return pooling.distance(points[labels.own_clean], points)


def to_centre(points: Tensor, labels: Labels) -> Tensor:
    """Return the distance of every sample to the mean of the clean ones, (batch,), of (batch, dims) points."""
    return torch.linalg.vector_norm(points - points[labels.clean].mean(dim=0), dim=1)
