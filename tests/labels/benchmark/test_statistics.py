"""Statistics against scipy, published worked examples and simulations whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import optimize, stats

from labels.benchmark.statistics.bootstrap import interval, item_weights
from labels.benchmark.statistics.correlation import fisher_average, kendall, pcc, srcc
from labels.benchmark.statistics.dependent import fisher_interval, holm, steiger, zou
from labels.benchmark.statistics.mapping import Mlp, MonotoneCubic, rmse_star
from labels.benchmark.statistics.reliability import reliability

SCIPY = {pcc: stats.pearsonr, srcc: stats.spearmanr, kendall: stats.kendalltau}
columns = arrays(np.float64, 12, elements=st.integers(-5, 5).map(float))


@pytest.mark.parametrize("ours", SCIPY)
@given(x=columns, y=columns, counts=arrays(np.int64, (3, 12), elements=st.integers(0, 3)))
@settings(max_examples=40, deadline=None)
def test_correlations_of_resamples_are_scipys_of_the_repeated_pairs(ours, x, y, counts) -> None:
    found = ours(x, y, counts)
    for value, count in zip(found, counts, strict=True):
        a, b = np.repeat(x, count), np.repeat(y, count)
        if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(SCIPY[ours](a, b).statistic, abs=1e-6)


@pytest.mark.parametrize("ours", SCIPY)
def test_one_resample_is_the_plain_statistic(ours) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(200)
    y = x + rng.standard_normal(200)
    assert ours(x, y)[0] == pytest.approx(SCIPY[ours](x, y).statistic, abs=1e-9)
    assert ours(1e6 + 1e-3 * x, y)[0] == pytest.approx(ours(x, y)[0], abs=1e-6)
    assert np.isnan(ours(np.full(200, 0.1), y)[0])
    with pytest.raises(ValueError, match="same length"):
        ours(x, y[:-1])


def test_fishers_average_lies_between_and_survives_a_perfect_correlation() -> None:
    assert fisher_average(np.array([[0.2], [0.9]]))[0] == pytest.approx(
        math.tanh((math.atanh(0.2) + math.atanh(0.9)) / 2)
    )
    assert 0.5 < fisher_average(np.array([[0.5], [1.0]]))[0] < 1


def test_steiger_gives_the_published_values() -> None:
    # Steiger (1980), p. 249, case A: -.8913 with two-digit intermediate results.
    assert steiger(0.4, 0.5, 0.1, 103)[0] == pytest.approx(-0.8913, abs=0.003)
    # Silver, Hittner and May (2006), the output of their program DEPCOR.
    assert steiger(0.3, 0.4, 0.5, 100) == pytest.approx((-1.0718, 0.2838), abs=5e-5)


def test_zou_gives_the_published_interval() -> None:
    assert zou(0.396, 0.179, 0.088, 66) == pytest.approx((-0.093, 0.517), abs=5e-4)  # Zou (2007), p. 409, example 2


@given(st.floats(-0.95, 0.95), st.floats(-0.95, 0.95), st.floats(-0.9, 0.9))
def test_both_tests_are_antisymmetric(r1: float, r2: float, r12: float) -> None:
    assume(1 - r1**2 - r2**2 - r12**2 + 2 * r1 * r2 * r12 > 0.01)
    z, p = steiger(r1, r2, r12, 50)
    low, high = zou(r1, r2, r12, 50)
    assert steiger(r2, r1, r12, 50) == pytest.approx((-z, p), abs=1e-9)
    assert zou(r2, r1, r12, 50) == pytest.approx((-high, -low), abs=1e-9)
    assert low <= r1 - r2 <= high


def test_a_rater_compared_with_itself_or_on_too_few_is_undefined_not_wrong() -> None:
    assert all(map(math.isnan, steiger(0.5, 0.5, 1.0, 50)))
    assert all(map(math.isnan, (*steiger(0.5, 0.4, 0.2, 3), *zou(0.5, 0.4, 0.2, 3))))


def test_the_interval_of_one_correlation_is_scipys() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(40)
    y = x + rng.standard_normal(40)
    expected = stats.pearsonr(x, y).confidence_interval(0.9)
    assert fisher_interval(float(pcc(x, y)[0]), 40, 0.9) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # the textbook's four
    assert holm([0.5, math.nan, 0.9])[0] == pytest.approx(1.0)
    assert math.isnan(holm([0.5, math.nan])[1])
    assert holm([]) == []


def test_every_item_is_drawn_whole() -> None:
    weights = item_weights(["b", "a", "b", "c"], 50)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    means = item_weights([str(item) for item in range(10)], 20_000) @ np.arange(10.0) / 10
    assert means.std() == pytest.approx(np.std(np.arange(10), ddof=1) / 10**0.5, rel=0.02)  # the standard error


def test_no_interval_of_few_items_or_undefined_resamples() -> None:
    assert interval(0.5, np.linspace(0, 1, 100), [3]) is None
    assert interval(0.5, np.linspace(0, 1, 100), [12, 3]) is None
    assert interval(0.5, np.where(np.arange(100) < 20, np.nan, 0.5), [10]) is None
    assert interval(math.nan, np.linspace(0, 1, 100), [10]) is None


def test_the_interval_of_a_difference_is_normal() -> None:
    drawn_again = 0.3 + 0.01 * np.random.default_rng(0).standard_normal(10_000)
    assert interval(0.3, drawn_again, [100_000]) == pytest.approx((0.3 - 0.0196, 0.3 + 0.0196), abs=4e-4)


def rated(rng: np.random.Generator, stimuli: int, listeners: int, noise: float) -> np.ndarray:
    return rng.standard_normal((stimuli, 1)) + noise * rng.standard_normal((stimuli, listeners))


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_split_half_reliability_is_the_true_one(share: float) -> None:
    rng = np.random.default_rng(0)
    ratings = rated(rng, 3000, 12, 2.0)
    if share < 1:  # every stimulus rated by six of the twelve, as in a test in two groups
        ratings[:1500, :6] = ratings[1500:, 6:] = np.nan
    found = reliability(ratings, splits=100)
    expected = 1 / (1 + 2.0**2 / (12 * share))
    assert found is not None
    assert found.split_half == pytest.approx(expected, abs=0.02)
    assert found.ceiling == pytest.approx(found.split_half**0.5)


def test_no_rater_that_knows_the_truth_passes_the_ceiling_by_much() -> None:
    rng = np.random.default_rng(5)
    truth = rng.standard_normal((2000, 1))
    ratings = truth + 3 * rng.standard_normal((2000, 10))
    found = reliability(ratings, splits=100)
    assert found is not None
    assert np.corrcoef(truth[:, 0], ratings.mean(axis=1))[0, 1] == pytest.approx(found.ceiling, abs=0.02)


def test_listeners_who_agree_by_chance_have_a_reliability_about_zero() -> None:
    found = [reliability(np.random.default_rng(seed).standard_normal((5, 6)), 200) for seed in range(20)]
    values = [value.split_half for value in found if value is not None]
    assert len(values) == 20
    assert min(values) > -6  # a single split of five stimuli may give -100


@pytest.mark.parametrize("shape", [(10, 0), (10, 1), (2, 10)])
def test_no_ceiling_without_listeners_or_stimuli(shape: tuple[int, int]) -> None:
    assert reliability(np.zeros(shape)) is None


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 1)), min_size=8, max_size=30))
@settings(max_examples=25, deadline=None)
def test_the_cubic_never_falls(points: list[tuple[float, float]]) -> None:
    x, y = np.array(points).T
    assume(np.ptp(x) > 1e-3)
    curve = MonotoneCubic(x, y)(np.linspace(x.min() - 10, x.max() + 10, 400))
    assert (np.diff(curve) >= -1e-9).all()


@pytest.mark.parametrize(
    "shape", [np.square, np.sqrt, lambda t: 4 * (t - 0.5) ** 3, lambda t: -t, lambda t: np.sin(6 * t)]
)
def test_the_cubic_is_the_best_rising_one(shape) -> None:
    rng = np.random.default_rng(2)
    t = np.append(rng.random(60), [0, 1])
    y = shape(t) + 0.1 * rng.standard_normal(62)
    powers, grid = np.vander(t, 4, increasing=True), np.linspace(0, 1, 200)
    slopes = np.stack([0 * grid, 1 + 0 * grid, 2 * grid, 3 * grid**2], axis=1)
    best = optimize.minimize(
        lambda p: float(np.sum((powers @ p - y) ** 2)),
        [y.mean(), 0.1, 0, 0],
        constraints={"type": "ineq", "fun": lambda p: slopes @ p},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    assert np.sum((MonotoneCubic(t, y)(t) - y) ** 2) == pytest.approx(best.fun, rel=1e-3)


def test_the_mlp_learns_a_step_that_a_cubic_cannot_and_stays_within_the_scale() -> None:
    rng = np.random.default_rng(4)
    x = rng.uniform(1, 5, 150)
    truth = 1 / (1 + np.exp(-12 * (x - 3)))
    y = np.clip(truth + 0.05 * rng.standard_normal(150), 0, 1)
    network, cubic = Mlp(x, y), MonotoneCubic(x, y)
    error = np.mean((network(x) - truth) ** 2) ** 0.5
    assert error < 0.04 < np.mean((cubic(x) - truth) ** 2) ** 0.5
    assert ((network(np.linspace(-50, 50, 99)) >= 0) & (network(np.linspace(-50, 50, 99)) <= 1)).all()
    t = network._unit(x)
    start = network._start(1)
    gradient = optimize.check_grad(
        lambda p: network._loss(p, t, y)[0], lambda p: network._loss(p, t, y)[1], start, epsilon=1e-7
    )
    assert gradient < 1e-5


def test_a_mapping_of_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match="8 points that differ"):
        MonotoneCubic(np.ones(20), np.linspace(0, 1, 20))


def test_only_what_leaves_the_listeners_interval_is_an_error() -> None:
    predicted, ratings, half = np.array([0.5, 0.2, 0.9]), np.array([0.55, 0.5, 0.5]), np.array([0.1, 0.1, 0.0])
    assert rmse_star(predicted, ratings, half)[0] == pytest.approx(((0 + 0.2**2 + 0.4**2) / 3) ** 0.5)
    assert rmse_star(predicted, ratings, half, np.array([[1.0, 1.0, 0.0]]))[0] == pytest.approx((0.2**2 / 2) ** 0.5)
