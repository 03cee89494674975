"""The nominal listening level, and the loudness that is added or missing."""

from __future__ import annotations

import numpy as np
import pytest

from deepaq.core.loudness import active_power, added_and_missing, loudness, nominal_gain

RATE = 48_000


def noise(seconds: float, dbfs: float, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (samples / np.sqrt(np.mean(samples**2)) * 10 ** (dbfs / 20)).astype(np.float32)


@pytest.mark.parametrize("dbfs", [-60.0, -40.0, -26.0, -3.0])
def test_the_reference_is_brought_to_minus_26_dbfs(dbfs: float) -> None:
    assert 20 * np.log10(nominal_gain(noise(3, dbfs))) == pytest.approx(-26 - dbfs, abs=0.1)


def test_pauses_do_not_lower_the_active_level() -> None:
    sound = noise(2, -20)
    paused = np.concatenate([sound, np.zeros(4 * RATE, np.float32), noise(1, -80)])
    assert 10 * np.log10(active_power(paused)) == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize("frames", [0, 1, 100, 4800, 19_199])
def test_short_and_silent_signals_have_a_gain(frames: int) -> None:
    assert nominal_gain(np.zeros(frames, np.float32)) == 1
    if frames:
        assert nominal_gain(np.full(frames, 0.05, np.float32)) == pytest.approx(10 ** (-26 / 20) / 0.05, rel=1e-3)


def test_twice_the_power_is_2_to_the_023_times_as_loud() -> None:
    power = np.array([1e-3])
    assert loudness(2 * power) / loudness(power) == pytest.approx(2**0.23, rel=0.02)
    assert loudness(np.zeros(1)) == 0


def test_added_and_missing_are_the_two_signs_of_the_change() -> None:
    reference, degraded = np.array([[1e-3, 1e-4, 0.0]]), np.array([[1e-4, 1e-3, 0.0]])
    added, missing, total = added_and_missing(reference, degraded)
    assert added == pytest.approx(missing)
    assert total == pytest.approx(loudness(reference).sum())
    assert added_and_missing(reference, reference)[0] == 0
