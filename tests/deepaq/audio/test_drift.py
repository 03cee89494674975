"""Drift of two clocks: found in its size and direction, and not where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from deepaq.audio.drift import Drift
from deepaq.audio.samples import Samples
from tests.deepaq.scoring.test_metric import metric, noisy
from tests.sounds import music

RATE, SECONDS = 24_000, 90


@pytest.fixture(scope="module")
def sound() -> Samples:
    return long(1)


def long(seed: int) -> Samples:
    return np.tile(np.concatenate([music(5, seed + part, RATE, 1)[:, 0] for part in range(3)]), SECONDS // 15)


def drifting(sound: Samples, ppm: float) -> Samples:
    """The sound as a device records it whose clock runs faster by `ppm`: more samples."""
    return soxr.resample(sound, 1_000_000, 1_000_000 + ppm, quality="HQ").astype(np.float32)


def found(reference: Samples, degraded: Samples, segment_s: float = 10) -> float | None:
    drift = Drift(RATE)
    step = round(segment_s * RATE)
    for start in range(0, min(len(reference), len(degraded)), step):
        drift.add(start / RATE, reference[start : start + step], degraded[start : start + step])
    return drift.ppm()


@pytest.mark.parametrize("ppm", [-100, 30, 300])
def test_a_steady_drift_is_measured(sound: Samples, ppm: float) -> None:
    assert found(sound, drifting(sound, ppm)) == pytest.approx(ppm, abs=3)


def test_many_short_segments_cost_no_accuracy(sound: Samples) -> None:
    assert found(sound, drifting(sound, 100), segment_s=2) == pytest.approx(100, abs=3)


def test_noise_a_constant_lag_and_a_jump_are_no_drift(sound: Samples) -> None:
    worse = sound + np.random.default_rng(0).normal(0, 0.02, len(sound)).astype(np.float32)
    assert found(sound, worse) is None
    assert found(sound[480:], worse) is None
    assert (
        found(sound, np.concatenate([sound[: len(sound) // 2], np.zeros(480, np.float32), sound[len(sound) // 2 :]]))
        is None
    )


def test_other_music_and_a_short_signal_have_no_drift(sound: Samples) -> None:
    assert found(sound, long(101)) is None
    assert found(sound[: 20 * RATE], drifting(sound[: 20 * RATE], 300)) is None


def test_a_score_notes_a_drift(sound: Samples) -> None:
    lines = metric().score(sound, drifting(sound, 100), sample_rate=RATE).notes
    assert any("drifts by 100 ppm, its clock is slow" in line for line in lines)
    assert not any("drifts" in line for line in metric().score(sound, noisy(sound, 0.01), sample_rate=RATE).notes)
