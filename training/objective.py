"""The loss of a batch: Rank-N-Contrast over MOS and bitrate, and regression to the MOS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from training.batch import Labels
from training.curve import Curve
from training.loss import bitrate_contrast, pairwise_distances, pooled, rank_n_contrast
from training.recipe import Contrast, Objective

_HUBER = 0.25  # MOS beyond which an error counts linearly


@dataclass(frozen=True)
class Terms:
    """total: what is minimised. parts: its terms before weighting, ties' floor removed, for the log."""

    total: Tensor
    parts: dict[str, float]


def contrast(points: Tensor, labels: Labels, weights: Objective, settings: Contrast) -> Terms:
    """Rank-N-Contrast of (batch, steps, dims) points.

    Points of one step are compared across clips, as in the paper. Points of several steps stand for moments of their
    clip and are compared with versions of the same clip only.
    """
    total = points.new_zeros(())
    parts: dict[str, float] = {}
    if not (weights.mos or weights.bitrate):
        return Terms(total, parts)
    groups: list[Any] = (
        [slice(None)] if points.shape[1] == 1 else [labels.clip == clip for clip in labels.clip.unique()]
    )
    distances = [pairwise_distances(points[rows]) for rows in groups]
    if weights.mos:
        found = [
            rank_n_contrast(apart, labels.mos[rows], labels.mos[rows], tau=settings.tau)
            for apart, rows in zip(distances, groups, strict=True)
        ]
        loss = pooled(found)
        total = total + weights.mos * loss.value
        parts["mos"] = float(loss.value.detach() - loss.floor)
    if weights.bitrate:
        found = [
            bitrate_contrast(apart, codec, codec, rank, rank, settings.tau)
            for apart, codec, rank in zip(
                distances, (labels.codec[rows] for rows in groups), (labels.rank[rows] for rows in groups), strict=True
            )
        ]
        loss = pooled(found)
        total = total + weights.bitrate * loss.value
        parts["bitrate"] = float(loss.value.detach() - loss.floor)
    return Terms(total, parts)


def regression(distances: Tensor, labels: Labels, curve: Curve, weight: float) -> Terms:
    """Huber loss between the MOS that `curve` gives for (batch,) distances and the labels; clean samples left out."""
    if not weight:
        return Terms(distances.new_zeros(()), {})
    coded = ~labels.clean
    loss = huber_loss(curve(distances[coded]), labels.mos[coded], delta=_HUBER)
    return Terms(weight * loss, {"regression": float(loss.detach())})


def to_own_clean(points: Tensor, labels: Labels) -> Tensor:
    """(batch, steps, dims) -> (batch,): the distance of every sample to its clean version in the batch."""
    apart = points - points[labels.own_clean]
    return torch.linalg.vector_norm(apart, dim=2).mean(dim=1)


def to_centre(points: Tensor, labels: Labels) -> Tensor:
    """(batch, dims) -> (batch,): the distance of every sample to the mean of the clean ones."""
    return torch.linalg.vector_norm(points - points[labels.clean].mean(dim=0), dim=1)
