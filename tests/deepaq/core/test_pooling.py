"""From moments to one distance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepaq.core.pooling import MEAN, Pooling
from deepaq.scoring.score import power_mean

powers = st.sampled_from([1.0, 2.0, 3.0])


@given(powers, st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_distance_is_the_power_mean_of_the_tracks_euclidean_distances(
    power: float, tracks: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = (rng.standard_normal((2, 4, sum(tracks))) for _ in range(2))
    parts = np.split(ours - theirs, np.cumsum(tracks)[:-1], axis=2)
    apart = np.mean([np.linalg.norm(part, axis=2) for part in parts], axis=0)
    found = Pooling(power, tuple(tracks)).distance(torch.from_numpy(ours), torch.from_numpy(theirs))
    np.testing.assert_allclose(found, (apart**power).mean(axis=1) ** (1 / power))


@given(powers, st.lists(st.floats(0, 50), min_size=1, max_size=8), st.floats(0.1, 5))
def test_segments_of_one_step_pool_like_the_steps(power: float, distances: list[float], seconds: float) -> None:
    pooling = Pooling(power)
    mean, low, high = power_mean(distances, [seconds] * len(distances), power)
    assert mean == pytest.approx(float(pooling.over_time(torch.tensor(distances, dtype=torch.float64))), abs=1e-9)
    assert low <= mean + 1e-9
    assert mean <= high + 1e-9
    assert len(distances) > 1 or (low, high) == pytest.approx((mean, mean))
    doubled = power_mean([*distances, 7.0], [*[seconds] * len(distances), 2 * seconds], power)[0]
    assert doubled == pytest.approx(power_mean([*distances, 7.0, 7.0], [seconds] * (len(distances) + 2), power)[0])


def test_a_short_drop_counts_more_with_a_higher_power() -> None:
    drop = torch.zeros(50)
    drop[:5] = 10
    assert [float(Pooling(power).over_time(drop)) for power in (1.0, 2.0)] == pytest.approx([1, 10**0.5])


@pytest.mark.parametrize("pooling", [MEAN, Pooling(2.0)])
def test_identical_signals_have_a_gradient_of_zero(pooling: Pooling) -> None:
    points = torch.ones(1, 4, 3, requires_grad=True)
    distance = pooling.distance(torch.ones(1, 4, 3), points)
    distance.sum().backward()
    assert distance.item() == 0
    assert points.grad is not None
    assert not points.grad.any()
