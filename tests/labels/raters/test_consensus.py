"""The consensus: what its measures and their mean do to known damage."""

from __future__ import annotations

import numpy as np
import pytest

from labels.raters.consensus import (
    SPREADS,
    active_level,
    band_levels,
    consensus,
    envelope_correlation,
    log_erb_difference,
)
from labels.raters.rater import Rating, rater
from tests.sounds import music

RATE = 48_000


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return music(2, 3, RATE)


def rated(clean: np.ndarray, degraded: np.ndarray) -> Rating:
    return rater("consensus").judge(clean)(degraded.astype(np.float32))


def noisy(clean: np.ndarray, level: float) -> np.ndarray:
    return clean + level * np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)


def test_more_damage_is_rated_lower_by_every_measure(clean: np.ndarray) -> None:
    ratings = [rated(clean, noisy(clean, level)) for level in (0.0005, 0.005, 0.05)]
    assert [r.value for r in ratings] == sorted((r.value for r in ratings), reverse=True)
    for name, spread in SPREADS.items():
        values = [spread.sign * r.extras[name] for r in ratings]
        assert values[0] > values[1] > values[2], name


def test_the_value_is_the_mean_of_the_standard_scores(clean: np.ndarray) -> None:
    rating = rated(clean, noisy(clean, 0.005))
    assert rating.value == pytest.approx(consensus(rating.extras))
    means = {name: spread.mean for name, spread in SPREADS.items()}
    assert consensus(means) == 0
    better = means | {"log_erb": SPREADS["log_erb"].mean - SPREADS["log_erb"].deviation}
    assert consensus(better) == pytest.approx(0.25)


@pytest.mark.parametrize("both", [0.1, 3.0])
def test_the_level_at_which_a_pair_is_stored_does_not_count(clean: np.ndarray, both: float) -> None:
    degraded = noisy(clean, 0.005)
    expected = rated(clean, degraded).value
    found = rater("consensus").judge((both * clean).astype(np.float32))((both * degraded).astype(np.float32)).value
    assert found == pytest.approx(expected, abs=0.01)


def test_a_constant_gain_does_not_count(clean: np.ndarray) -> None:
    degraded = noisy(clean, 0.005)
    assert rated(clean, 0.5 * degraded).value == pytest.approx(rated(clean, degraded).value, abs=0.01)


def test_the_active_level_leaves_pauses_out() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)[:, None]
    half = np.concatenate([tone, 1e-5 * tone])
    assert active_level(tone) == pytest.approx(-23.01, abs=0.01)
    assert active_level(half) == pytest.approx(-23.01, abs=0.1)


def test_levels_in_bands_are_those_of_a_tone() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    levels = band_levels(tone)
    assert levels.shape == (1 + (RATE - 2048) // 960, 64)
    loudest = levels.max(axis=1)
    assert (loudest < -3.01).all()  # the tone's own level, less what lies beside the band's centre
    assert (loudest > -3.6).all()
    assert band_levels(np.zeros(RATE)) == pytest.approx(-90)
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    assert log_erb_difference(band_levels(noise), band_levels(0.5 * noise)) == pytest.approx(6.02, abs=0.01)


def test_steady_bands_have_no_envelope() -> None:
    rng = np.random.default_rng(0)
    moving, steady = rng.standard_normal((50, 3)), np.full((50, 3), -90.0)
    assert envelope_correlation(moving, 2 * moving + 1) == pytest.approx(1.0)
    assert envelope_correlation(moving, -moving) == pytest.approx(-1.0)
    assert envelope_correlation(moving, steady) == 0
    assert envelope_correlation(steady, steady) == 1
