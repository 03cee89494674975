"""The loss of a batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

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


class Counted(TorchDispatchMode):
    """Counts the operations that reach the dispatcher."""

    calls = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return function(*args, **(kwargs or {}))


def test_the_number_of_calls_does_not_grow_with_clips_and_codecs() -> None:
    """Each call costs microseconds on a CPU and a kernel on a GPU, whatever its size."""
    found = []
    for clips in (2, 8):
        rows = table(clips, bitrates=(16, 32, 64))
        labels = Labeller(rows)(np.arange(len(rows)))
        points = torch.randn(len(rows), 3, 4, requires_grad=True)
        with Counted() as counted:
            objective.full(points, labels, Curve(4.7), Objective(1.0, 1.0, 1.0), Contrast()).total.backward()
        found.append(counted.calls)
    assert found[1] - found[0] <= 2 * 6  # picking the rows of six more clips
    assert found[1] < 400
