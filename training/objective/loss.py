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

from deepaq.backbones.pooling import MEAN, Pooling

TAU = 2.0
CLEAN, UNCODED = 0, -1  # in place of a codec's number, from 1: clean; distorted without a bitrate


@dataclass(frozen=True)
class Loss:
    """A mean over anchors.

    value: scalar with gradient. floor: the value of a perfect order, above 0 because of ties in the labels; value >=
    floor. anchors: how many were averaged, the weight when means are pooled.
    """

    value: Tensor
    floor: Tensor
    anchors: Tensor


def pooled(losses: Sequence[Loss]) -> Loss:
    """Return the mean over the anchors of all `losses`, at least one."""
    anchors = torch.stack([loss.anchors for loss in losses])
    total = anchors.sum()
    values, floors = torch.stack([loss.value for loss in losses]), torch.stack([loss.floor for loss in losses])
    weights = anchors.to(values.dtype) / total.clamp(min=1)
    return Loss((values * weights).sum(), (floors * weights).sum(), total)


def pairwise_distances(points: Tensor, normalise: bool = False, pooling: Pooling = MEAN) -> Tensor:
    """Return the distances, (N, N), of (N, steps, dims) points: Euclidean, averaged over steps and tracks of `pooling`.

    The gradient of distance 0 is 0. normalise: project every vector on the unit sphere first.
    """
    with torch.autocast(points.device.type, enabled=False):
        tracks = pooling.split(_full(points).transpose(0, 1))
        return torch.stack([_between(steps, normalise) for steps in tracks]).mean(dim=0)


def _between(steps: Tensor, normalise: bool) -> Tensor:
    """(steps, N, dims) -> (N, N)."""
    steps = torch.nn.functional.normalize(steps, dim=-1) if normalise else steps
    # The matrix product form loses half the digits of small distances, which are those of high quality.
    return torch.cdist(steps, steps, compute_mode="donot_use_mm_for_euclid_dist").mean(dim=0)


def _full(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()


def rank_n_contrast(
    distances: Tensor, labels: Tensor, mask: Tensor | None = None, tau: float = TAU, printed: bool = False
) -> Loss:
    """Return the loss of (N, N) distances given (N,) labels.

    The term of anchor i and key j is -log(exp(-d_ij / tau) / sum over k of exp(-d_ik / tau)), k over the keys whose
    label differs from the anchor's at least as much as j's does, j and ties included. The terms are averaged over the
    keys of an anchor, then over the anchors that have a key. Two infinite labels of one sign differ by 0; a pair with a
    NaN label takes no part.

    mask: (N, N), anchors in rows and keys in columns, True where a pair takes part; all but the diagonal by default.
    printed: divide the sum of the terms by N - 1 and by N instead, however many pairs take part, as DeePAQ prints it.
    """
    with torch.autocast(distances.device.type, enabled=False):
        logits = -_full(distances) / tau
        apart = _differences(labels)
        valid = ~apart.isnan() if mask is None else ~apart.isnan() & mask
        valid.fill_diagonal_(False)
        # Farthest labels first; pairs that take no part come last, so that no running sum that is read includes them.
        ranked_apart, order = torch.where(valid, -apart, 1.0).sort(dim=1)
        counted = ranked_apart <= 0
        last_tie = torch.searchsorted(ranked_apart, ranked_apart, right=True) - 1
        ties = last_tie + 1 - torch.searchsorted(ranked_apart, ranked_apart)
        ranked = logits.gather(1, order)
        terms = ranked.logcumsumexp(dim=1).gather(1, last_tie) - ranked
        mean = _over_batch if printed else _over_anchors
        value, anchors = mean(terms, counted)
        floor, _ = mean(ties.to(terms.dtype).log(), counted)
    return Loss(value, floor, anchors)


def _differences(labels: Tensor) -> Tensor:
    """Return absolute differences, (N, N), of (N,) labels; those of equal labels are 0 even if they are infinite."""
    anchor, key = _full(labels)[:, None], _full(labels)[None, :]
    return torch.where(anchor == key, 0.0, (anchor - key).abs())


def _over_batch(terms: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum of the (N, N) terms divided by N (N - 1), and N."""
    size = len(terms)
    return torch.where(counted, terms, 0.0).sum() / max(1, size * (size - 1)), counted.new_tensor(
        size, dtype=torch.long
    )


def _over_anchors(terms: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean over anchors of each anchor's mean, and the number of anchors with a term; 0 without any."""
    numbers = counted.sum(dim=1)
    means = torch.where(counted, terms, 0.0).sum(dim=1) / numbers.clamp(min=1)
    anchors = (numbers > 0).sum()
    return means.sum() / anchors.clamp(min=1), anchors


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
    """Return Rank-N-Contrast of the bitrates of (N, N) distances, codec by codec, each with the clean samples.

    codec: (N,) codec numbers, CLEAN or UNCODED. labels: (N,), from `bitrate_labels`.
    clean_anchors: order every codec's bitrates around the clean samples too; the paper has coded anchors only.
    """
    masks = []
    for number in codec[codec > CLEAN].unique():
        keys = (codec == number) | (codec == CLEAN)
        masks.append((keys if clean_anchors else codec == number)[:, None] & keys)
    if not masks:  # a batch without coded samples: zero, with a graph
        masks = [torch.zeros_like(distances, dtype=torch.bool)]
    return pooled([rank_n_contrast(distances, labels, mask, tau) for mask in masks])


def printed_bitrate_contrast(
    distances: Tensor, codec: Tensor, labels: Tensor, tau: float = TAU, across_codecs: bool = False
) -> Loss:
    """Return the bitrate term of DeePAQ as printed: coded anchors, divided by N - 1 and by N, the batch's size.

    across_codecs: keys are all samples with a bitrate and the clean ones; else those of the anchor's codec and the
    clean ones. Other parameters as for `bitrate_contrast`.
    """
    anchors = (codec > CLEAN)[:, None]
    keys = (codec[:, None] == codec) | (codec == CLEAN)
    mask = anchors.expand_as(distances) if across_codecs else anchors & keys
    return rank_n_contrast(distances, labels, mask, tau, printed=True)
