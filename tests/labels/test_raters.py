"""The contract that every registered rater keeps, and the shared stage in front of it."""

from __future__ import annotations

import pickle
from functools import cache

import numpy as np
import pytest

from deepaq.audio import Samples, to_mono
from deepaq.errors import UserError
from labels.rater import RATERS, Rater, Rating, rater
from tests.sounds import music

RATES = pytest.mark.parametrize("name", sorted(RATERS))
# What a reference against itself may differ by from the identity that the rater declares.
IDENTITY_TOLERANCE = {"peaq": 0.1, "haaqi": 0.05}


@cache
def made(name: str) -> Rater:
    return rater(name)


@cache
def sound(name: str, noise: float = 0.0, seconds: float = 1.5) -> Samples:
    """Notes that swell and fade like syllables, in the shape that the rater takes, with noise of that share."""
    judge = made(name)
    clean = music(seconds, 4, judge.sample_rate)
    clean *= np.sin(np.pi * 3 * np.arange(len(clean)) / judge.sample_rate)[:, None] ** 2
    level = np.sqrt(np.mean(clean**2))
    dirty = clean + noise * level * np.random.default_rng(0).standard_normal(clean.shape)
    return (to_mono(dirty) if judge.channels == 1 else dirty).astype(np.float32)


@cache
def rated(name: str, noise: float) -> Rating:
    return made(name).judge(sound(name))(sound(name, noise))


@RATES
def test_a_rater_says_what_it_is(name: str) -> None:
    judge = made(name)
    assert judge.name == name
    assert judge.scale
    assert judge.channels in (1, 2)
    assert 8_000 <= judge.sample_rate <= 48_000
    assert all(isinstance(version, str) and version for version in judge.tools().values())


@RATES
def test_identity_is_best_and_more_noise_is_worse(name: str) -> None:
    judge = made(name)
    same, little, much = (rated(name, noise).value for noise in (0.0, 0.1, 1.0))
    assert same == pytest.approx(judge.identity, abs=IDENTITY_TOLERANCE.get(name, 0.005))
    sign = 1 if judge.higher_is_better else -1
    assert sign * same > sign * little > sign * much


@RATES
def test_values_are_finite_repeatable_and_survive_another_process(name: str) -> None:
    first = rated(name, 0.1)
    assert isinstance(first.value, float)
    assert np.isfinite([first.value, *first.extras.values()]).all()
    np.random.seed(1)  # whatever the global generator has seen
    expected = np.random.default_rng(1).random(), np.random.RandomState(1).random_sample()
    copy = pickle.loads(pickle.dumps(made(name)))
    assert copy.judge(sound(name))(sound(name, 0.1)) == first
    assert np.random.random_sample() == expected[1]


BROKEN = {
    "silent": lambda good: np.zeros_like(good),
    "nan": lambda good: np.where(np.arange(good.size).reshape(good.shape) == 7, np.nan, good).astype(np.float32),
    "integers": lambda good: (good * 32767).astype(np.int16),
    "three channels": lambda good: np.zeros((len(good), 3), np.float32) + 0.1,
    "empty": lambda good: good[:0],
}


@RATES
@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_rated_is_refused_in_one_line(name: str, kind: str) -> None:
    good = sound(name)
    bad = BROKEN[kind](good)
    with pytest.raises(UserError) as error:
        made(name).judge(bad)
    assert "reference" in str(error.value)
    with pytest.raises(UserError) as error:
        made(name).judge(good)(bad)
    assert "degraded" in str(error.value)
    assert "\n" not in str(error.value)
