"""Rank-N-Contrast against its formula, written out pair by pair."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from torch import Tensor

from deepaq.core.pooling import Pooling
from training.objective.loss import (
    CLEAN,
    UNCODED,
    Loss,
    bitrate_labels,
    bitrate_pairs,
    pairwise_distances,
    rank_n_contrast,
)

INF = math.inf
LABELS = st.sampled_from([1.0, 2.5, 2.5, 3.0, 4.75, INF, -INF, math.nan])


def difference(one: float, other: float) -> float:
    return 0.0 if one == other else abs(one - other)


def by_the_formula(distances: Tensor, labels: Tensor, mask: Tensor, tau: float) -> tuple[float, float, int]:
    """Loss, floor and number of anchors (Zha et al. 2023, equation 1), one pair after another."""
    means, floors = [], []
    for i, y in enumerate(labels.tolist()):
        apart = {
            k: difference(y, z)
            for k, z in enumerate(labels.tolist())
            if mask[i, k] and k != i and not math.isnan(difference(y, z))
        }
        terms = []
        for j in apart:
            denominator = sum(math.exp(-float(distances[i, k]) / tau) for k in apart if apart[k] >= apart[j])
            terms.append(-math.log(math.exp(-float(distances[i, j]) / tau) / denominator))
        if terms:
            means.append(sum(terms) / len(terms))
            values = list(apart.values())
            floors.append(sum(math.log(values.count(value)) for value in values) / len(values))
    count = len(means)
    return (sum(means) / count, sum(floors) / count, count) if count else (0.0, 0.0, 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(LABELS, min_size=2, max_size=11), st.floats(0.1, 4), st.integers(0, 2**31))
def test_equals_the_formula(values: list[float], tau: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.tensor(values, dtype=torch.float64)
    distances = pairwise_distances(torch.randn(len(labels), 3, 4, dtype=torch.float64, generator=generator))
    mask = torch.rand(distances.shape, generator=generator) < 0.7
    loss = rank_n_contrast(distances, labels, mask, tau)
    value, floor, count = by_the_formula(distances, labels, mask, tau)
    assert float(loss.value) == pytest.approx(value, abs=1e-10)
    assert float(loss.floor) == pytest.approx(floor, abs=1e-10)
    assert int(loss.anchors) == count
    assert float(loss.value) >= float(loss.floor) - 1e-10


def test_the_gradient_is_that_of_the_value() -> None:
    labels = torch.tensor([1.0, 2, 2, 3, INF, INF], dtype=torch.float64)
    mask = torch.rand(6, 6, generator=torch.Generator().manual_seed(0)) < 0.8
    points = torch.randn(6, 2, 3, dtype=torch.float64, requires_grad=True)

    def value(points: Tensor) -> Tensor:
        return rank_n_contrast(pairwise_distances(points), labels, mask).value

    assert torch.autograd.gradcheck(value, points)


def fitted_order(sign: float) -> float:
    """Spearman correlation of distances with label differences after fitting free points with sign * distance."""
    generator = torch.Generator().manual_seed(1)
    points = torch.randn(32, 1, 2, generator=generator).requires_grad_()
    labels = torch.rand(32, generator=generator)
    optimizer = torch.optim.Adam([points], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        rank_n_contrast(sign * pairwise_distances(points), labels).value.backward()
        optimizer.step()
    upper = torch.triu_indices(32, 32, 1)
    found = pairwise_distances(points.detach())[upper[0], upper[1]]
    return float(spearmanr(found, (labels[:, None] - labels).abs()[upper[0], upper[1]]).statistic)


def test_near_is_alike_and_the_opposite_sign_orders_wrongly() -> None:
    assert fitted_order(+1) > 0.95
    assert fitted_order(-1) < 0


def test_ties_leave_a_floor_that_a_perfect_order_reaches() -> None:
    labels = torch.tensor([0.0, 0, 1, 1, 2, 2], dtype=torch.float64)
    loss = rank_n_contrast(1e4 * (labels[:, None] - labels).abs(), labels)
    assert float(loss.floor) > 0.5
    assert float(loss.value) == pytest.approx(float(loss.floor), abs=1e-5)


@pytest.mark.parametrize("spread", [0.0, 1e-30, 1e3, 1e6, 1e15])
def test_finite_at_extreme_spreads_and_with_duplicates(spread: float) -> None:
    points = spread * torch.randn(12, 1, 8, generator=torch.Generator().manual_seed(2))
    points[5:8] = points[4]
    points.requires_grad_()
    labels = torch.tensor([1.0, 2, 2, 2, 3, 3, 4, 4, 4.7, INF, INF, INF])
    loss = rank_n_contrast(pairwise_distances(points), labels)
    loss.value.backward()
    assert torch.isfinite(loss.value.detach())
    assert torch.isfinite(points.grad).all()


def test_half_precision_embeddings_are_compared_in_float32() -> None:
    points = torch.randn(6, 1, 16, generator=torch.Generator().manual_seed(3)).bfloat16()
    labels = torch.arange(6.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = rank_n_contrast(pairwise_distances(points), labels)
    exact = rank_n_contrast(pairwise_distances(points.double()), labels)
    assert loss.value.dtype == torch.float32
    assert float(loss.value) == pytest.approx(float(exact.value), rel=1e-6)


def test_distances_are_means_over_steps_and_small_ones_keep_their_digits() -> None:
    points = torch.tensor([[[0.0, 0, 0], [0, 0, 0]], [[3, 4, 0], [0, 0, 1]]])
    assert pairwise_distances(points).tolist() == [[0, 3], [3, 0]]
    near = torch.full((2, 1, 256), 100.0)
    near[1, 0, 0] += 1e-3
    assert float(pairwise_distances(near)[0, 1]) == pytest.approx(1e-3, rel=0.01)
    assert pairwise_distances(near * torch.tensor([1.0, 5]).view(2, 1, 1), normalise=True).max() < 1e-4


@pytest.mark.parametrize("normalise", [False, True])
def test_tracks_are_averaged_as_when_two_signals_are_compared(normalise: bool) -> None:
    pooling = Pooling(tracks=(3, 1, 2))
    points = torch.randn(5, 4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = pairwise_distances(points, normalise, pooling)
    if normalise:
        points = torch.cat([torch.nn.functional.normalize(track, dim=-1) for track in pooling.split(points)], dim=-1)
    torch.testing.assert_close(found, torch.stack([pooling.distance(point, points) for point in points]))


CODEC = torch.tensor([CLEAN, 1, 1, 1, 2, 2, UNCODED, CLEAN])
KBPS = torch.tensor([math.nan, 16.0, 128, 64, 32, 96, math.nan, math.nan])


def test_bitrates_are_counted_down_from_clean_within_the_codec() -> None:
    labels = bitrate_labels(CODEC, KBPS)
    assert labels.nan_to_num(9.0).tolist() == [0, -3, -1, -2, -2, -1, 9, 0]
    assert bitrate_labels(CODEC, KBPS, literal=True).nan_to_num(9.0, posinf=INF).tolist() == [
        *[INF, 16, 128, 64, 32, 96, 9, INF]
    ]


def bitrate_contrast(distances: Tensor, codec: Tensor, labels: Tensor, clean_anchors: bool = True) -> Loss:
    """The term over bitrates, all codecs added; a third one has no sample."""
    found = rank_n_contrast(distances, labels, bitrate_pairs(codec, 3, clean_anchors))
    return Loss(found.total.sum(dim=0), found.lowest.sum(dim=0), found.anchors.sum(dim=0))


@pytest.mark.parametrize("literal", [False, True])
def test_the_bitrate_term_compares_within_one_codec_and_clean(literal: bool) -> None:
    labels = bitrate_labels(CODEC, KBPS, literal)
    distances = pairwise_distances(torch.randn(8, 1, 4, dtype=torch.float64))
    parts = []
    for number in (1, 2):
        rows = CODEC.eq(number) | ((CODEC == CLEAN) & (not literal))
        mask = rows[:, None] & (CODEC.eq(number) | (CODEC == CLEAN))
        parts.append(by_the_formula(distances, labels, mask, 2.0))
    total = sum(count for *_, count in parts)
    loss = bitrate_contrast(distances, CODEC, labels, clean_anchors=not literal)
    assert float(loss.value) == pytest.approx(sum(value * n for value, _, n in parts) / total, abs=1e-10)
    assert float(loss.floor) == pytest.approx(sum(floor * n for _, floor, n in parts) / total, abs=1e-10)
    assert int(loss.anchors) == total == (9 if not literal else 5)


def test_clean_anchors_order_bitrates_by_steps_only() -> None:
    """The literal form cannot tell 16 from 128 kbps around clean; counted in steps, it can."""
    codec, kbps = torch.tensor([CLEAN, 1, 1]), torch.tensor([math.nan, 16.0, 128.0])
    right, wrong = (torch.tensor([[0.0, *far], [1, 0, 1], [1, 1, 0]]) for far in ([2, 1], [1, 2]))
    for literal, differs in ((False, True), (True, False)):
        labels = bitrate_labels(codec, kbps, literal)
        losses = [float(bitrate_contrast(d, codec, labels).value) for d in (right, wrong)]
        assert (losses[0] < losses[1] - 1e-3) is differs


def test_without_a_pair_the_loss_is_zero_with_a_graph() -> None:
    points = torch.randn(3, 1, 4, requires_grad=True)
    codec = torch.full((3,), UNCODED)
    labels = bitrate_labels(codec, torch.full((3,), math.nan))
    loss = bitrate_contrast(pairwise_distances(points), codec, labels)
    loss.value.backward()
    assert (loss.value.item(), int(loss.anchors), float(points.grad.abs().max())) == (0, 0, 0)


def test_batches_at_once_give_what_each_gives_alone() -> None:
    generator = torch.Generator().manual_seed(4)
    points = torch.randn(3, 8, 2, 4, dtype=torch.float64, generator=generator)
    codec = torch.stack([CODEC, CODEC.flip(0), torch.full_like(CODEC, UNCODED)])
    labels = bitrate_labels(codec, torch.stack([KBPS, KBPS.flip(0), KBPS]))
    together = bitrate_contrast(pairwise_distances(points), codec, labels)
    for place in range(3):
        alone = bitrate_contrast(pairwise_distances(points[place]), codec[place], labels[place])
        for name in ("value", "floor", "anchors"):
            torch.testing.assert_close(getattr(together, name)[place], getattr(alone, name), atol=1e-12, rtol=0)
