"""The loss of a batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from training.data.table import Table
from training.objective import terms as objective
from training.objective.batch import Labeller, Labels
from training.objective.curve import Curve
from training.settings import Contrast, Objective


def table(clips: int = 4, bitrates: tuple[int, ...] = (16, 64)) -> Table:
    rows = []
    for clip in range(clips):
        kinds = [("clean", "clean", math.inf, 4.7)]
        kinds += [(codec, codec, kbps, 1 + kbps / 32) for codec in ("opus", "mp3") for kbps in bitrates]
        kinds.append(("", "noise-1", math.nan, 2.5))
        rows += [
            (f"{clip}-{number:02d}", "", "", clip, *kind, None, 2.0, False, clip) for number, kind in enumerate(kinds)
        ]
    return Table(*map(np.array, zip(*rows, strict=True)))


def test_every_version_knows_its_own_clean_one() -> None:
    rows = table()
    chosen = np.flatnonzero(np.isin(rows.clip, [1, 3]))
    labels = Labeller(rows, literal_bitrate=False)(chosen)
    own = labels.own_clean
    assert rows.clip[chosen][own].tolist() == rows.clip[chosen].tolist()
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
    clip = torch.from_numpy(rows.clip)[:, None, None]
    moved = points + 100.0 * clip
    assert objective.contrast(moved, labels, Objective(), Contrast()).total == pytest.approx(float(before), rel=1e-3)
    flat = points[:, :1]
    assert objective.contrast(flat + 100.0 * clip, labels, Objective(), Contrast()).total > 2 * (
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
