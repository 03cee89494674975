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
    """A mean over anchors, a scalar or one for every batch, (...).

    value: with gradient. floor: the value of a perfect order, above 0 because of ties in the labels; value >=
    floor. anchors: how many were averaged, the weight when means are pooled.
    """

    value: Tensor
    floor: Tensor
    anchors: Tensor

    def pooled(self) -> Loss:
        """Return the mean over the anchors of all batches along the first dimension."""
        total = self.anchors.sum(dim=0)
        weights = self.anchors.to(self.value.dtype) / total.clamp(min=1)
        return Loss((self.value * weights).sum(dim=0), (self.floor * weights).sum(dim=0), total)


def joined(losses: Sequence[Loss]) -> Loss:
    """Return the batches of all `losses`, each (batches,), one after another."""
    parts = ([getattr(loss, name) for loss in losses] for name in ("value", "floor", "anchors"))
    return Loss(*(torch.cat(part) for part in parts))


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
        logits = -_full(distances) / tau
        apart = _differences(labels)
        valid = ~apart.isnan() if mask is None else ~apart.isnan() & mask
        valid = valid & ~torch.eye(valid.shape[-1], dtype=torch.bool, device=valid.device)
        # Farthest labels first; pairs that take no part come last, so that no running sum that is read includes them.
        ranked_apart, order = torch.where(valid, -apart, 1.0).sort(dim=-1)
        counted = ranked_apart <= 0
        last_tie = torch.searchsorted(ranked_apart, ranked_apart, right=True) - 1
        ties = last_tie + 1 - torch.searchsorted(ranked_apart, ranked_apart)
        ranked = logits.expand_as(order).gather(-1, order)
        terms = ranked.logcumsumexp(dim=-1).gather(-1, last_tie) - ranked
        mean = _over_batch if printed else _over_anchors
        value, anchors = mean(terms, counted)
        floor, _ = mean(ties.to(terms.dtype).log(), counted)
    return Loss(value, floor, anchors)


def _differences(labels: Tensor) -> Tensor:
    """Return absolute differences, (..., N, N), of (..., N) labels; 0 for equal labels even if they are infinite."""
    anchor, key = _full(labels).unsqueeze(-1), _full(labels).unsqueeze(-2)
    return torch.where(anchor == key, 0.0, (anchor - key).abs())


def _over_batch(terms: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum of the (..., N, N) terms divided by N (N - 1), and N."""
    size = terms.shape[-1]
    total = torch.where(counted, terms, 0.0).sum(dim=(-2, -1))
    return total / max(1, size * (size - 1)), torch.full_like(total, size, dtype=torch.long)


def _over_anchors(terms: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean over anchors of each anchor's mean, and the number of anchors with a term; 0 without any."""
    numbers = counted.sum(dim=-1)
    means = torch.where(counted, terms, 0.0).sum(dim=-1) / numbers.clamp(min=1)
    anchors = (numbers > 0).sum(dim=-1)
    return means.sum(dim=-1) / anchors.clamp(min=1), anchors


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


def bitrate_contrast(
    distances: Tensor, codec: Tensor, labels: Tensor, tau: float = TAU, clean_anchors: bool = True
) -> Loss:
    """Return Rank-N-Contrast of the bitrates of (..., N, N) distances, codec by codec, each with the clean samples.

    codec: (..., N) codec numbers, CLEAN or UNCODED. labels: (..., N), from `bitrate_labels`.
    clean_anchors: order every codec's bitrates around the clean samples too; the paper has coded anchors only.
    """
    codes = codec[codec > CLEAN].unique().view(-1, *[1] * codec.ndim)
    if not len(codes):  # a batch without coded samples: zero, with a graph
        codes = torch.full_like(codes.new_zeros(1), torch.iinfo(torch.long).max).view(-1, *[1] * codec.ndim)
    coded = codec == codes
    keys = coded | (codec == CLEAN)
    anchors = keys if clean_anchors else coded
    return rank_n_contrast(distances, labels, anchors.unsqueeze(-1) & keys.unsqueeze(-2), tau).pooled()


def printed_bitrate_contrast(
    distances: Tensor, codec: Tensor, labels: Tensor, tau: float = TAU, across_codecs: bool = False
) -> Loss:
    """Return the bitrate term of DeePAQ as printed: coded anchors, divided by N - 1 and by N, the batch's size.

    across_codecs: keys are all samples with a bitrate and the clean ones; else those of the anchor's codec and the
    clean ones. Other parameters as for `bitrate_contrast`.
    """
    anchors = (codec > CLEAN).unsqueeze(-1)
    keys = (codec.unsqueeze(-1) == codec.unsqueeze(-2)) | (codec == CLEAN).unsqueeze(-2)
    mask = anchors.expand_as(distances) if across_codecs else anchors & keys
    return rank_n_contrast(distances, labels, mask, tau, printed=True)
