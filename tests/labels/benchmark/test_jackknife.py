"""Intervals of correlations: simulations whose truth is known, and cases in which there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from labels.benchmark.statistics.correlation import Correlation, kendall, pcc, srcc
from labels.benchmark.statistics.jackknife import average_interval, interval, mean_interval


def drawn(
    rng: np.random.Generator, items: int, systems: int = 7, noise: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Listeners and a rater who share an effect of the item: (x, y, item) of every stimulus."""
    grid = np.linspace(-1, 1, systems) if systems > 1 else np.zeros(1)
    effect = rng.standard_normal((items, 1))
    own = 0.5 * effect + 0.7 * noise * rng.standard_normal((items, 1))
    y = grid + effect + 0.3 * rng.standard_normal((items, systems))
    x = 0.8 * grid + own + 0.3 * noise * rng.standard_normal((items, systems))
    return x.ravel(), y.ravel(), np.repeat(np.arange(items), systems).astype(str)


def covered(statistic: Correlation, items: int, systems: int, noise: float, trials: int = 400) -> float:
    """How often the interval holds the correlation of the whole population."""
    rng = np.random.default_rng(1)
    x, y, _ = drawn(rng, 100_000 // systems, systems, noise)
    if statistic is kendall:  # its memory grows with the square
        parts = np.split(rng.permutation(len(x))[:8000], 8)
        truth = float(np.mean([kendall(x[part], y[part])[0] for part in parts]))
    else:
        truth = float(statistic(x, y, None)[0])
    hits = []
    while len(hits) < trials:
        found = interval(statistic, *drawn(rng, items, systems, noise))
        if found is not None:
            hits.append(found[0] <= truth <= found[1])
    return float(np.mean(hits))


@pytest.mark.parametrize("statistic", [pcc, srcc, kendall])
@pytest.mark.parametrize("noise", [1.0, 0.3])
@pytest.mark.parametrize("items", [4, 5, 8, 12, 30])
def test_the_interval_covers_the_truth_as_often_as_it_says(statistic: Correlation, items: int, noise: float) -> None:
    """.95 within three standard errors of 400 trials, and what the method is known to err by."""
    assert 0.90 <= covered(statistic, items, 7, noise) <= 0.985


@pytest.mark.parametrize(("statistic", "items"), [(pcc, 6), *((s, n) for s in (pcc, srcc, kendall) for n in (12, 30))])
def test_items_of_one_stimulus_are_covered_as_often(statistic: Correlation, items: int) -> None:
    assert 0.92 <= covered(statistic, items, 1, 0.3) <= 0.985


def test_stimuli_left_out_singly_claim_too_much() -> None:
    rng = np.random.default_rng(1)
    x, y, _ = drawn(rng, 100_000)
    truth, hits = pcc(x, y)[0], []
    for _ in range(300):
        x, y, item = drawn(rng, 12)
        low, high = interval(pcc, x, y, np.arange(len(item)).astype(str))
        hits.append(low <= truth <= high)
    assert np.mean(hits) < 0.9


def test_a_high_rank_correlation_of_few_items_has_a_useful_interval() -> None:
    """Five items of four systems, nearly in the listeners' order: resamples of a bootstrap would often reach 1."""
    rng = np.random.default_rng(3)
    y = np.tile(np.arange(4.0), 5) + 0.1 * rng.standard_normal(20)
    x = y + 0.6 * rng.standard_normal(20)
    items = np.repeat(np.arange(5), 4).astype(str)
    for statistic in (pcc, srcc, kendall):
        low, high = interval(statistic, x, y, items)
        assert 0 < low < statistic(x, y)[0] < high < 1


def test_no_interval_of_few_items_perfect_or_undefined_correlations() -> None:
    x = np.arange(12.0)
    noisy = x + np.array([0, 1, -1, 2, 0, -2, 1, 0, 0, 1, -1, 0])
    pairs = list("aabbccddeeff")
    assert interval(srcc, x, noisy, pairs) is not None
    assert interval(srcc, x, noisy, list("aaaabbbbcccc")) is None  # three items
    assert interval(srcc, x, x, pairs) is None  # perfect
    flat = np.zeros(12)
    flat[1] = 1
    assert interval(pcc, flat, noisy, pairs) is None  # constant without the first item
    assert interval(pcc, x, noisy, pairs, list("ppppppqqqqqq")) is None  # three items in each part


@pytest.mark.parametrize(("statistic", "fewest"), [(pcc, 6), (srcc, 12), (kendall, 12)])
@pytest.mark.parametrize("singly", [True, False])
def test_no_interval_of_few_stimuli(statistic: Correlation, fewest: int, singly: bool) -> None:
    """Rank correlations of fewer than twelve take too few values for an interval to cover the truth in 95 %."""
    rng = np.random.default_rng(4)
    y = rng.standard_normal(fewest)
    x = y + rng.standard_normal(fewest)
    items = [str(i if singly else i % 4) for i in range(fewest)]
    low, high = interval(statistic, x, y, items)
    assert low < statistic(x, y)[0] < high
    assert interval(statistic, x[1:], y[1:], items[1:]) is None


def test_parts_are_left_out_apart_and_averaged() -> None:
    rng = np.random.default_rng(0)
    one, other = drawn(rng, 200), drawn(rng, 200)
    alone = interval(pcc, *one)
    both = average_interval([(pcc, *part, ["p"] * len(part[0])) for part in (one, other)])
    assert alone is not None
    assert both is not None
    widths = [np.arctanh(high) - np.arctanh(low) for low, high in (alone, both)]
    assert widths[1] == pytest.approx(widths[0] / 2**0.5, rel=0.15)


def test_the_interval_of_a_mean_is_students() -> None:
    values = np.array([0.1, 0.5, 0.7, 0.4, 0.9])
    assert mean_interval(values) == pytest.approx(stats.t.interval(0.95, 4, values.mean(), stats.sem(values)))
    assert mean_interval(values[:3]) is None
    assert mean_interval(np.ones(6)) is None
