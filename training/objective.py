"""The loss of a batch: Rank-N-Contrast over MOS and bitrate, and regression to the MOS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from training.batch import Labels
from training.curve import Curve
from training.loss import Loss, bitrate_contrast, pairwise_distances, pooled, rank_n_contrast
from training.recipe import Contrast, Objective

_HUBER = 0.25  # MOS beyond which an error counts linearly


@dataclass(frozen=True)
class Terms:
    """total: what is minimised. parts: its terms before weighting, ties' floor removed, for the log."""

    total: Tensor
    parts: dict[str, Tensor]


def full(points: Tensor, labels: Labels, curve: Curve, weights: Objective, settings: Contrast) -> Terms:
    """Of (batch, steps, dims) points: each against its clip's clean version, which is in the batch."""
    apart = torch.linalg.vector_norm(points - points[labels.own_clean], dim=2).mean(dim=1)
    return _terms("full", points, apart, labels, curve, weights, settings)


def unmatched(points: Tensor, labels: Labels, curve: Curve, weights: Objective, settings: Contrast) -> Terms:
    """Of (batch, dims) points: each against the mean of the clean ones."""
    apart = torch.linalg.vector_norm(points - points[labels.clean].mean(dim=0), dim=1)
    return _terms("unmatched", points[:, None], apart, labels, curve, weights, settings)


def _terms(
    mode: str, points: Tensor, apart: Tensor, labels: Labels, curve: Curve, weights: Objective, settings: Contrast
) -> Terms:
    total = points.new_zeros(())
    parts: dict[str, Tensor] = {}
    groups = _groups(points, labels)
    if weights.mos or weights.bitrate:
        distances = [pairwise_distances(points[rows], settings.normalise) for rows in groups]

        def add(name: str, weight: float, of: Callable[[Tensor, Tensor], Loss]) -> Tensor:
            loss = pooled([of(apart, rows) for apart, rows in zip(distances, groups, strict=True)])
            parts[f"{mode}_{name}"] = loss.value.detach() - loss.floor
            return weight * loss.value

        if weights.mos:
            total = total + add("mos", weights.mos, lambda d, rows: rank_n_contrast(d, labels.mos[rows], tau=settings.tau))
        if weights.bitrate:
            around = not settings.literal_bitrate
            total = total + add(
                "bitrate",
                weights.bitrate,
                lambda d, rows: bitrate_contrast(d, labels.codec[rows], labels.rank[rows], settings.tau, around),
            )
    degraded = ~labels.clean
    if weights.regression and bool(degraded.any()):
        loss = huber_loss(curve(apart[degraded]), labels.mos[degraded].to(apart.dtype), delta=_HUBER)
        parts[f"{mode}_regression"] = loss.detach()
        total = total + weights.regression * loss
    return Terms(total, parts)


def _groups(points: Tensor, labels: Labels) -> list[Tensor]:
    """Which points are compared with one another.

    Points of one step are compared across clips, as in the paper. Points of several steps stand for moments of their
    clip and are compared with versions of the same clip only.
    """
    if points.shape[1] == 1:
        return [torch.arange(len(points), device=points.device)]
    return [(labels.clip == clip).nonzero()[:, 0] for clip in labels.clip.unique()]
