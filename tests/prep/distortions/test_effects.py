"""Each distortion does what its severity says."""

from __future__ import annotations

import numpy as np
import pytest

from prep.distortions import distort
from tests.sounds import RATE, music

SOUND = music(3, seed=5)


def error_db(reference: np.ndarray, degraded: np.ndarray) -> float:
    return float(10 * np.log10(np.mean((degraded - reference) ** 2) / np.mean(reference**2)))


@pytest.mark.parametrize("snr", [(1, 50), (3, 30), (5, 10)])
def test_noise_has_the_ratio_that_its_grade_says(snr: tuple[int, int]) -> None:
    assert error_db(SOUND, distort(SOUND, RATE, "noise", snr[0], 3)) == pytest.approx(-snr[1], abs=0.05)


def test_a_lowpass_removes_what_lies_above_and_nothing_below() -> None:
    noise = np.random.default_rng(0).standard_normal((RATE, 1)).astype(np.float32)
    gain = np.abs(np.fft.rfft(distort(noise, RATE, "lowpass", 3, 0)[:, 0]) / np.fft.rfft(noise[:, 0]))  # bins of 1 Hz
    assert np.median(gain[100:6700]) == pytest.approx(1, abs=0.01)
    assert np.median(gain[7400:]) < 0.01


def test_clipping_clips_its_share() -> None:
    degraded = distort(SOUND, RATE, "clipping", 4, 0)
    assert np.mean(np.abs(degraded) >= np.abs(degraded).max()) == pytest.approx(0.15, abs=0.005)


def test_packets_are_lost_at_the_rate_of_the_grade() -> None:
    noise = np.random.default_rng(0).standard_normal((120 * 8000, 1)).astype(np.float32)
    changed = (distort(noise, 8000, "packet-loss", 4, 1) != noise).reshape(-1, 160).mean(axis=1) > 0.5
    assert changed.mean() == pytest.approx(0.2, abs=0.02)
    bursts = np.count_nonzero(np.diff(changed.astype(int)) == 1)
    assert changed.sum() / bursts == pytest.approx(2, abs=0.3)


def test_a_pre_echo_reaches_before_the_attack() -> None:
    silence_then_attack = np.zeros((RATE, 1), np.float32)
    silence_then_attack[RATE // 2 :] = music(0.5, channels=1)
    degraded = distort(silence_then_attack, RATE, "pre-echo", 4, 1)
    just_before, long_before = degraded[RATE // 2 - 3000 : RATE // 2], degraded[: RATE // 2 - RATE // 4]
    assert np.abs(just_before).max() > 1e-3
    assert np.abs(long_before).max() < 1e-6


def test_reverberation_goes_on_after_the_sound() -> None:
    click = np.zeros((2 * RATE, 2), np.float32)
    click[0] = 1
    tail = distort(click, RATE, "reverberation", 3, 1)[1:]
    energy = [float(np.mean(tail[round(t * RATE) : round((t + 0.1) * RATE)] ** 2)) for t in (0.1, 0.5)]
    assert 10 * np.log10(energy[0] / energy[1]) == pytest.approx(60 / 0.8 * 0.4, abs=2)
    assert 10 * np.log10(np.sum(tail**2) / 2) == pytest.approx(-7, abs=0.3)


def test_a_narrower_image_has_the_same_mean_and_a_softer_side() -> None:
    degraded = distort(SOUND, RATE, "narrowing", 3, 1)
    np.testing.assert_allclose(degraded.mean(axis=1), SOUND.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(np.diff(degraded), 0.25 * np.diff(SOUND), atol=1e-6)


@pytest.mark.parametrize(("name", "depth"), [("pumping", 5.0), ("level-jumps", 4.0)])
def test_a_moving_level_moves_by_its_grade_around_its_own_mean(name: str, depth: float) -> None:
    steady = np.ones((6 * RATE, 1), np.float32)
    decibels = 20 * np.log10(distort(steady, RATE, name, 3, seed=2)[:, 0])
    assert np.ptp(decibels) == pytest.approx(depth, rel=0.05)
    assert np.mean(decibels) == pytest.approx(0, abs=0.2)
    assert np.abs(np.diff(decibels)).max() < 0.02  # no click


def test_an_imbalance_makes_one_channel_softer() -> None:
    ratios = np.sqrt(np.mean(distort(SOUND, RATE, "imbalance", 3, 1) ** 2, axis=0) / np.mean(SOUND**2, axis=0))
    assert sorted(20 * np.log10(ratios)) == pytest.approx([-6, 0], abs=0.01)


@pytest.mark.parametrize("name", ["narrowing", "imbalance"])
def test_mono_has_no_image_to_damage(name: str) -> None:
    np.testing.assert_array_equal(distort(SOUND[:, :1], RATE, name, 5, 1), SOUND[:, :1])


def test_filled_gaps_join_what_surrounds_them() -> None:
    """A steady tone is continued through its gaps without a click, by extrapolation nearly exactly."""
    tone = np.sin(2 * np.pi * 441 * np.arange(2 * RATE) / RATE).astype(np.float32)[:, None]
    steepest = float(np.abs(np.diff(tone[:, 0])).max())
    extrapolated = distort(tone, RATE, "gap-extrapolation", 3, seed=1)
    assert error_db(tone, extrapolated) < -30
    assert np.abs(np.diff(extrapolated[:, 0])).max() < 1.2 * steepest
    repeated = distort(tone, RATE, "gap-repetition", 3, seed=1)
    assert np.abs(np.diff(repeated[:, 0])).max() < 3 * steepest
    noise = np.random.default_rng(0).standard_normal((2 * RATE, 1)).astype(np.float32)
    changed = float(np.mean(distort(noise, RATE, "gap-repetition", 3, seed=1) != noise))
    assert changed == pytest.approx(2 * 0.027, rel=0.1)  # two gaps a second of 25 ms, and an edge of 2 ms


def bands_db(samples: np.ndarray) -> np.ndarray:
    """Power of the first channel of 4 s in 100 equal bands."""
    power = np.abs(np.fft.rfft(samples[:, 0])) ** 2
    return np.asarray(10 * np.log10(power[1:].reshape(100, -1).mean(axis=1)))


def test_phase_dispersion_and_the_vocoder_keep_the_spectrum() -> None:
    noise = np.random.default_rng(0).standard_normal((4 * RATE, 1)).astype(np.float32)
    before = bands_db(noise)
    for name in ("phase-dispersion", "vocoder"):
        assert np.abs(bands_db(distort(noise, RATE, name, 5, 1)) - before).max() < 2


def test_a_drifting_clock_moves_a_click_by_its_parts_per_million() -> None:
    clicks = np.zeros((4 * RATE, 1), np.float32)
    places = np.array([RATE // 2, 2 * RATE, 7 * RATE // 2])
    clicks[places] = 1
    drifted = np.abs(distort(clicks, RATE, "rate-drift", 4, 0)[:, 0])
    found = [int(np.argmax(drifted[place - 200 : place + 200])) - 200 for place in places]
    assert found == pytest.approx([0.0008 * 1.5 * RATE, 0, -0.0008 * 1.5 * RATE], abs=1.5)


def test_a_spread_level_makes_loud_louder_and_soft_softer() -> None:
    half = music(2, 1)
    sound = np.concatenate([half, 0.1 * half])
    worse = distort(sound, RATE, "level-spread", 3, 0)
    loud, soft = (np.sqrt(np.mean(part**2)) for part in (worse[: RATE * 2], worse[RATE * 2 :]))
    before = np.sqrt(np.mean(half**2))
    assert 20 * np.log10(loud / before) > 1.5
    assert 20 * np.log10(soft / (0.1 * before)) < -1.5


def test_finer_vector_quantisation_leaves_a_smaller_error() -> None:
    errors = [error_db(SOUND, distort(SOUND, RATE, "vector-quantisation", severity, 1)) for severity in (1, 3, 5)]
    assert errors[0] < -30
    assert errors[1] == pytest.approx(-20, abs=3)


@pytest.mark.parametrize(("name", "sir"), [("leakage", 20.0), ("leakage", 4.0)])
def test_a_leaked_source_has_the_ratio_of_its_severity(name: str, sir: float) -> None:
    severity = {20.0: 3, 4.0: 5}[sir]
    assert error_db(SOUND, distort(SOUND, RATE, name, severity, 1)) == pytest.approx(-sir, abs=0.05)
