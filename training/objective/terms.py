"""The loss of a batch: Rank-N-Contrast over MOS and bitrate, and regression to the MOS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from deepaq.backbones.pooling import MEAN, Pooling
from training.objective.batch import Labels
from training.objective.curve import Curve
from training.objective.loss import Loss, bitrate_contrast, pairwise_distances, pooled, rank_n_contrast
from training.settings import Contrast, Objective

_HUBER = 0.25  # MOS beyond which an error counts linearly


@dataclass(frozen=True)
class Terms:
    """total: what is minimised. parts: its terms before weighting, ties' floor removed, for the log."""

    total: Tensor
    parts: dict[str, Tensor]

    def plus(self, other: Terms) -> Terms:
        """The sum of both."""
        return Terms(self.total + other.total, {**self.parts, **other.parts})


def full(
    points: Tensor, labels: Labels, curve: Curve, weights: Objective, settings: Contrast, pooling: Pooling = MEAN
) -> Terms:
    """Of (batch, steps, dims) points, each beside its clip's clean version."""
    fit = regression(to_own_clean(points, labels, pooling), labels, curve, weights.regression)
    return contrast(points, labels, weights, settings, pooling).plus(fit)


def unmatched(points: Tensor, labels: Labels, curve: Curve, weights: Objective, settings: Contrast) -> Terms:
    """Of (batch, dims) points, some of them clean."""
    fit = regression(to_centre(points, labels), labels, curve, weights.regression)
    return contrast(points[:, None], labels, weights, settings).plus(fit)


def contrast(points: Tensor, labels: Labels, weights: Objective, settings: Contrast, pooling: Pooling = MEAN) -> Terms:
    """Rank-N-Contrast of (batch, steps, dims) points.

    Points of one step are compared across clips, as in the paper. Points of several steps stand for moments of their
    clip and are compared with versions of the same clip only.
    """
    terms = Terms(points.new_zeros(()), {})
    if not (weights.mos or weights.bitrate):
        return terms
    across = torch.zeros_like(labels.clip)
    clips = across if points.shape[1] == 1 else labels.clip
    groups = [(clips == clip).nonzero()[:, 0] for clip in clips.unique()]
    distances = [pairwise_distances(points[rows], settings.normalise, pooling) for rows in groups]

    def term(name: str, weight: float, of: Callable[[Tensor, Tensor], Loss]) -> Terms:
        loss = pooled([of(apart, rows) for apart, rows in zip(distances, groups, strict=True)])
        return Terms(weight * loss.value, {name: loss.value.detach() - loss.floor})

    if weights.mos:
        terms = terms.plus(
            term("mos", weights.mos, lambda apart, rows: rank_n_contrast(apart, labels.mos[rows], tau=settings.tau))
        )
    if weights.bitrate:
        around_clean = not settings.literal_bitrate
        terms = terms.plus(
            term(
                "bitrate",
                weights.bitrate,
                lambda apart, rows: bitrate_contrast(
                    apart, labels.codec[rows], labels.rank[rows], settings.tau, around_clean
                ),
            )
        )
    return terms


def regression(distances: Tensor, labels: Labels, curve: Curve, weight: float) -> Terms:
    """Huber loss between the MOS that `curve` gives for (batch,) distances and the labels; clean samples left out."""
    degraded = ~labels.clean
    if not weight or not bool(degraded.any()):
        return Terms(distances.new_zeros(()), {})
    loss = huber_loss(curve(distances[degraded]), labels.mos[degraded].to(distances.dtype), delta=_HUBER)
    return Terms(weight * loss, {"regression": loss.detach()})


def to_own_clean(points: Tensor, labels: Labels, pooling: Pooling = MEAN) -> Tensor:
    """(batch, steps, dims) -> (batch,): the distance of every sample to its clean version in the batch."""
    return pooling.distance(points[labels.own_clean], points)


def to_centre(points: Tensor, labels: Labels) -> Tensor:
    """(batch, dims) -> (batch,): the distance of every sample to the mean of the clean ones."""
    return torch.linalg.vector_norm(points - points[labels.clean].mean(dim=0), dim=1)
