"""Batches and their loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from training import objective
from training.batch import Labeller, Labels, Segments
from training.curve import Curve
from training.recipe import Contrast, Data, Objective
from training.store import Store
from training.table import Table


def table(clips: int = 4, bitrates: tuple[int, ...] = (16, 64)) -> Table:
    rows = []
    for clip in range(clips):
        rows.append((f"c{clip}", "", clip, "clean", "clean", math.inf, 4.7, False))
        rows += [
            (f"{codec}{kbps}-{clip}", "", clip, codec, codec, kbps, 1 + kbps / 32, False)
            for codec in ("opus", "mp3")
            for kbps in bitrates
        ]
        rows.append((f"noise-{clip}", "", clip, "", "noise-1", math.nan, 2.5, False))
    return Table(*map(np.array, zip(*rows, strict=True)))


def store(rows: Table, items: int = 30) -> Store:
    """Fronts that say which row and which item they are."""
    time = torch.arange(items, dtype=torch.float32)[:, None]
    return Store(rows, [torch.cat([torch.full_like(time, row), time], dim=1) for row in range(len(rows))])


def batches(rows: Table, data: Data, items: int = 10, seed: int = 0) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
    return iter(Segments(store(rows), data, items, np.random.default_rng(seed)))


def test_a_batch_holds_clips_with_their_clean_version_first_cut_alike() -> None:
    rows = table()
    fronts, drawn = next(batches(rows, Data(clips=2, versions=4)))
    assert fronts.shape == (8, 10, 2)
    assert np.array_equal(fronts[:, 0, 0].numpy(), drawn)
    assert rows.clean[drawn].tolist() == [True, False, False, False] * 2
    for clip in (0, 1):
        chosen = drawn[4 * clip : 4 * clip + 4]
        assert len(set(rows.clip[chosen])) == 1
        assert len(set(chosen)) == 4
        assert len(set(fronts[4 * clip : 4 * clip + 4, 0, 1].tolist())) == 1


def test_an_epoch_meets_every_clip_once() -> None:
    rows = table(clips=6)
    source = batches(rows, Data(clips=2, versions=3))
    met = [clip for _ in range(3) for clip in set(rows.clip[next(source)[1]])]
    assert sorted(met) == list(range(6))


def test_every_version_knows_its_own_clean_one() -> None:
    rows = table()
    labels = Labeller(rows, literal_bitrate=False)(np.flatnonzero(np.isin(rows.clip, [1, 3])))
    own = labels.own_clean
    assert torch.equal(labels.clip[own], labels.clip)
    assert labels.clean[own].all()


def test_bitrate_labels_are_ranks_below_clean_within_the_codec() -> None:
    rows = table()
    labels = Labeller(rows, literal_bitrate=False)(np.arange(len(rows)))
    assert labels.rank[labels.clean].unique().tolist() == [0]
    coded = labels.codec > 0
    assert sorted(labels.rank[coded].unique().tolist()) == [-2, -1]
    assert labels.rank[labels.codec < 0].isnan().all()


def points_by_quality(labels: Labels, sign: float) -> torch.Tensor:
    """One step, one dimension: the better the label, the further along; sign -1 pulls unlike versions together."""
    return (sign * labels.mos)[:, None, None].clone().requires_grad_()


def test_ordered_points_cost_less_than_shuffled_ones() -> None:
    rows = table()
    labels = Labeller(rows, literal_bitrate=False)(np.arange(len(rows)))
    ordered = objective.contrast(points_by_quality(labels, 3.0), labels, Objective(), Contrast())
    shuffled = points_by_quality(labels, 3.0)[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))]
    assert ordered.total < objective.contrast(shuffled, labels, Objective(), Contrast()).total
    assert ordered.parts["mos"] >= 0


def test_points_of_several_steps_are_compared_within_their_clip() -> None:
    rows = table()
    labels = Labeller(rows, literal_bitrate=False)(np.arange(len(rows)))
    points = torch.randn(len(rows), 3, 4, generator=torch.Generator().manual_seed(1))
    before = objective.contrast(points, labels, Objective(), Contrast()).total
    moved = points + 100.0 * labels.clip[:, None, None]
    assert objective.contrast(moved, labels, Objective(), Contrast()).total == pytest.approx(float(before), rel=1e-3)
    flat = points[:, :1]
    assert objective.contrast(flat + 100.0 * labels.clip[:, None, None], labels, Objective(), Contrast()).total > 2 * (
        objective.contrast(flat, labels, Objective(), Contrast()).total
    )


def test_regression_pulls_the_curve_to_the_labels_and_leaves_clean_out() -> None:
    rows = table()
    labels = Labeller(rows, literal_bitrate=False)(np.arange(len(rows)))
    curve = Curve(4.7)
    apart = torch.where(labels.clean, torch.tensor(50.0), 4.7 - labels.mos)
    optimiser = torch.optim.Adam(curve.parameters(), lr=0.05)
    losses = []
    for _ in range(200):
        loss = objective.regression(apart, labels, curve, 1.0)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        losses.append(float(loss.total))
    assert losses[-1] < 0.2 * losses[0]
    assert curve.mapping()(0.0) == pytest.approx(4.7)
    assert curve.mapping()(2.0) == pytest.approx(float(curve(torch.tensor(2.0))), rel=1e-5)


def test_distances_to_own_clean_and_to_the_centre() -> None:
    rows = table(clips=2)
    labels = Labeller(rows, literal_bitrate=False)(np.arange(len(rows)))
    points = torch.randn(len(rows), 5, 3)
    apart = objective.to_own_clean(points, labels)
    assert (apart[labels.clean] == 0).all()
    expected = (points[1] - points[0]).norm(dim=1).mean()
    assert apart[1] == pytest.approx(float(expected), rel=1e-5)
    flat = points[:, 0]
    centre = flat[labels.clean].mean(dim=0)
    assert objective.to_centre(flat, labels)[3] == pytest.approx(float((flat[3] - centre).norm()), rel=1e-5)
