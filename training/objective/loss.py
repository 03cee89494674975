"""Rank-N-Contrast: distances in the embedding are ordered like differences of the labels.

Zha et al., "Rank-N-Contrast: Learning Continuous Representations for Regression", NeurIPS 2023, equation 1, with the
similarity of their published configuration, -distance / tau. DeePAQ adds a term over the MOS of all samples and one
over the bitrates within each codec, and prints exp(+distance), which would order the wrong way round; the sign here is
that of Zha et al.

All is computed in float32, or in float64 if the distances are, also under autocast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from deepaq.core.pooling import MEAN, Pooling

TAU = 2.0
CLEAN, UNCODED = 0, -1  # in place of a codec's number, from 1: clean; distorted without a bitrate


@dataclass(frozen=True)
class Loss:
    """Sums over anchors, a scalar or one for every batch, (...).

    total: with gradient. lowest: the total of a perfect order, above 0 because of ties in the labels; total >= lowest.
    anchors: how many were added.
    """

    total: Tensor
    lowest: Tensor
    anchors: Tensor

    @property
    def value(self) -> Tensor:
        """Mean over anchors; 0 without any."""
        return self.total / self.anchors.clamp(min=1)

    @property
    def floor(self) -> Tensor:
        """Mean over anchors of a perfect order."""
        return self.lowest / self.anchors.clamp(min=1)

    @property
    def excess(self) -> Tensor:
        """Mean over anchors above that of a perfect order, without gradient."""
        return (self.total.detach() - self.lowest) / self.anchors.clamp(min=1)

    def parts(self, sizes: Sequence[int]) -> list[Loss]:
        """Return the sums over all batches in each of the parts of the first dimension that are so long."""
        split = (tensor.split(list(sizes)) for tensor in (self.total, self.lowest, self.anchors))
        return [Loss(*(part.sum() for part in parts)) for parts in zip(*split, strict=True)]

    def plus(self, other: Loss) -> Loss:
        """Return the sums over the anchors of both."""
        return Loss(self.total + other.total, self.lowest + other.lowest, self.anchors + other.anchors)


def pairwise_distances(points: Tensor, normalise: bool = False, pooling: Pooling = MEAN) -> Tensor:
    """Return the distances, (..., N, N), of (..., N, steps, dims) points: Euclidean, averaged over steps and tracks of
    `pooling`.

    The gradient of distance 0 is 0. normalise: project every vector on the unit sphere first.
    """
    with torch.autocast(points.device.type, enabled=False):
        tracks = pooling.split(_full(points).transpose(-3, -2))
        return torch.stack([_between(steps, normalise) for steps in tracks]).mean(dim=0)


def _between(steps: Tensor, normalise: bool) -> Tensor:
    """Return the mean distances, (..., N, N), of (..., steps, N, dims)."""
    steps = torch.nn.functional.normalize(steps, dim=-1) if normalise else steps
    # The matrix product form loses half the digits of small distances, which are those of high quality.
    return torch.cdist(steps, steps, compute_mode="donot_use_mm_for_euclid_dist").mean(dim=-3)


def _full(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()


def rank_n_contrast(
    distances: Tensor, labels: Tensor, mask: Tensor | None = None, tau: float = TAU, printed: bool = False
) -> Loss:
    """Return the loss of (..., N, N) distances given (..., N) labels, one for every batch.

    The term of anchor i and key j is -log(exp(-d_ij / tau) / sum over k of exp(-d_ik / tau)), k over the keys whose
    label differs from the anchor's at least as much as j's does, j and ties included. The terms are averaged over the
    keys of an anchor, then over the anchors that have a key. Two infinite labels of one sign differ by 0; a pair with a
    NaN label takes no part.

    mask: (..., N, N), anchors in rows and keys in columns, True for pairs that take part; by default all but the
    diagonal.
    printed: divide the sum of the terms by N - 1 and by N instead, however many pairs take part, as DeePAQ prints it.
    """
    with torch.autocast(distances.device.type, enabled=False):
        logits = _full(distances) * (-1 / tau)
        nearness = _nearness(labels)
        valid = nearness <= 0 if mask is None else (nearness <= 0) & mask
        # Farthest labels first; pairs that take no part come last, so that no running sum that is read includes them.
        ranked_nearness, order = torch.where(valid, nearness, 1.0).sort(dim=-1)
        after = torch.searchsorted(ranked_nearness, ranked_nearness, right=True)  # the end of every run of ties
        ties = after - torch.searchsorted(ranked_nearness, ranked_nearness)
        ranked = logits.expand_as(order).gather(-1, order)
        terms = ranked.logcumsumexp(dim=-1).gather(-1, after - 1) - ranked
        counted = valid.sum(dim=-1, keepdim=True)
        size = valid.shape[-1]
        shares = (ranked_nearness <= 0).to(terms.dtype) / (max(1, size - 1) if printed else counted.clamp(min=1))
        total, lowest = ((shares * found).sum(dim=(-2, -1)) for found in (terms, ties.to(terms.dtype).log()))
        anchors = torch.full_like(total, size, dtype=torch.long) if printed else (counted > 0).sum(dim=(-2, -1))
    return Loss(total, lowest, anchors)


def _nearness(labels: Tensor) -> Tensor:
    """Return minus the absolute differences, (..., N, N), of (..., N) labels; 0 for equal labels even if they are
    infinite. NaN on the diagonal and for unknown labels."""
    labels = _full(labels)
    anchor, key = labels.unsqueeze(-1), labels.unsqueeze(-2)
    found = torch.where(anchor == key, 0.0, -(anchor - key).abs())
    found.diagonal(dim1=-2, dim2=-1).fill_(torch.nan)
    return found


def bitrate_labels(codec: Tensor, bitrate: Tensor, literal: bool = False) -> Tensor:
    """Return the labels of the bitrate term, (N,) float64, of (N,) codec numbers and bitrates in kbps.

    By default steps below clean within the codec: 0 for clean, -1 for the codec's highest bitrate, -2 for the next; NaN
    for UNCODED. Call it once for a whole data set, so that a step means the same in every batch. literal: the bitrate,
    clean infinite, as in the DeePAQ paper; then all bitrates are equally far from clean.
    """
    labels = torch.full(codec.shape, torch.nan, dtype=torch.float64, device=codec.device)
    labels[codec == CLEAN] = torch.inf if literal else 0.0
    for number in codec[codec > CLEAN].unique():
        own = codec == number
        known, place = bitrate[own].unique(return_inverse=True)
        labels[own] = bitrate[own].double() if literal else (place - len(known)).double()
    return labels


def bitrate_pairs(codec: Tensor, codecs: int, clean_anchors: bool = True) -> Tensor:
    """Return the pairs, (codecs, ..., N, N), that take part in Rank-N-Contrast of the bitrates: codec by codec, each
    with the clean samples.

    codec: (..., N) codec numbers up to `codecs`, CLEAN or UNCODED. clean_anchors: order every codec's bitrates around
    the clean samples too; the paper has coded anchors only.
    """
    numbers = torch.arange(1, codecs + 1, device=codec.device).view(-1, *[1] * codec.ndim)
    coded = codec == numbers
    clean = (codec == CLEAN) & coded.flatten(1).any(dim=1).view_as(numbers)
    keys = coded | clean
    return (keys if clean_anchors else coded).unsqueeze(-1) & keys.unsqueeze(-2)


def printed_bitrate_pairs(codec: Tensor, across_codecs: bool = False) -> Tensor:
    """Return the pairs, (1, ..., N, N), that take part in the bitrate term of DeePAQ as printed: coded anchors.

    across_codecs: keys are all samples with a bitrate and the clean ones; else those of the anchor's codec and the
    clean ones. codec: as for `bitrate_pairs`.
    """
    anchor, key = codec.unsqueeze(-1), codec.unsqueeze(-2)
    keys = key > UNCODED if across_codecs else (anchor == key) | (key == CLEAN)
    return ((anchor > CLEAN) & keys).unsqueeze(0)
