"""Intervals of a rater's correlations: over one test, several, and parts of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from labels.benchmark.agreement import Estimate, Points, average, correlations
from tests.labels.benchmark.test_jackknife import drawn


def points(seed: int, items: int, systems: int = 7, group: str = "t") -> Points:
    x, y, item = drawn(np.random.default_rng(seed), items, systems)
    return Points(x, y, np.zeros(len(x)), [str(name) for name in item], [group] * len(x))


def pooled(parts: Sequence[Points]) -> Points:
    numbers = [np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "shares", "half_widths")]
    return Points(*numbers, [i for part in parts for i in part.items], [g for part in parts for g in part.groups])


def of_all(parts: Sequence[Points]) -> tuple[Estimate, Estimate]:
    """Average and pooled."""
    return average(parts, "pcc"), correlations(pooled(parts), ("pcc",))["pcc"]


def test_a_part_of_few_items_leaves_the_whole_without_an_interval() -> None:
    """One item per part never varies, so that its interval would be a point."""
    for fewest in (1, 3):
        for estimate in of_all([points(1, fewest, group="a"), points(2, 12, group="b")]):
            assert estimate.value is not None
            assert (estimate.low, estimate.high) == (None, None)
    for estimate in of_all([points(1, 4, group="a"), points(2, 12, group="b")]):
        assert estimate.low is not None


def test_intervals_over_parts_cover_the_truth_as_often_as_they_say() -> None:
    x, y, _ = drawn(np.random.default_rng(0), 60_000)
    truth, trials, covered = np.corrcoef(x, y)[0, 1], 200, np.zeros(2)
    for seed in range(trials):
        parts = [points(1000 + 2 * seed + k, items, group=str(k)) for k, items in enumerate((8, 12))]
        covered += [estimate.low <= truth <= estimate.high for estimate in of_all(parts)]
    assert (np.abs(covered / trials - 0.95) < 0.05).all()


def test_a_part_in_which_the_rater_is_constant_is_left_out() -> None:
    parts = [points(1, 8, group="a"), points(2, 8, group="b")]
    flat = Points(np.ones(56), parts[0].shares, np.zeros(56), parts[0].items, ["c"] * 56)
    assert average([*parts, flat], "pcc") == average(parts, "pcc")
    assert average([flat], "pcc") == Estimate(None)


@pytest.mark.parametrize("items", [6, 7, 8])
def test_items_of_one_stimulus_have_an_interval_within_the_range(items: int) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y = rng.standard_normal(items)
        x = y + 0.5 * rng.standard_normal(items)
        alone = Points(x, y, np.zeros(items), [str(i) for i in range(items)], ["t"] * items)
        found = correlations(alone, ("pcc",))["pcc"]
        assert -1 < found.low < found.value < found.high < 1
