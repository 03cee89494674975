"""The loss of a batch: Rank-N-Contrast over MOS and bitrate, and regression to the MOS."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from training.batch import Labels
from training.curve import Curve
from training.loss import bitrate_contrast, pairwise_distances, rank_n_contrast
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
    distances = pairwise_distances(points)
    mask = None if points.shape[1] == 1 else labels.clip[:, None] == labels.clip[None]
    if weights.mos:
        loss = rank_n_contrast(distances, labels.mos, labels.mos, mask, settings.tau)
        total = total + weights.mos * loss.value
        parts["mos"] = float(loss.value.detach() - loss.floor)
    if weights.bitrate:
        if mask is None:
            groups = [(distances, labels.codec, labels.rank)]
        else:  # clip by clip, as the codecs of different clips must not meet
            chosen = [labels.clip == clip for clip in labels.clip.unique()]
            groups = [(distances[rows][:, rows], labels.codec[rows], labels.rank[rows]) for rows in chosen]
        losses = [bitrate_contrast(part, codec, codec, rank, rank, settings.tau) for part, codec, rank in groups]
        value = torch.stack([loss.value for loss in losses]).mean()
        floor = torch.stack([loss.floor for loss in losses]).mean()
        total = total + weights.bitrate * value
        parts["bitrate"] = float(value.detach() - floor)
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
