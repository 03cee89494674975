"""Silence: it does not dilute a score, its place does not matter, and sound that is added to it counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import deepaq
from deepaq.audio import Samples
from deepaq.errors import UserError
from deepaq.scoring.metric import Metric
from deepaq.scoring.score import Score
from tests.deepaq.scoring.test_metric import metric as made
from tests.sounds import music, write

RATE = 48_000


@pytest.fixture(scope="module")
def packaged() -> Metric:
    return deepaq.load()


@pytest.fixture(scope="module")
def sound() -> Samples:
    return music(6, 1, RATE)


def silence(seconds: float) -> Samples:
    return np.zeros((round(seconds * RATE), 2), np.float32)


def noise(seconds: float, level_dbfs: float, seed: int = 0) -> Samples:
    samples = np.random.default_rng(seed).standard_normal((round(seconds * RATE), 2))
    return (10 ** (level_dbfs / 20) * samples).astype(np.float32)


def join(*parts: Samples) -> Samples:
    return np.concatenate(parts)


def antiphase(samples: Samples) -> Samples:
    return np.stack([samples[:, 0], -samples[:, 0]], axis=1)


def scored(metric: Metric, *pair: Samples) -> Score:
    return metric.score(*pair, sample_rate=RATE)


BACKGROUNDS = {
    "digital silence": silence(10),
    "dither": noise(10, -80, seed=1),
    "cancelling channels": antiphase(noise(10, -30, seed=2)),
}


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("before_s", [6.0, 4.0, 0.0])
def test_noise_added_where_the_reference_has_no_music_lowers_the_score(
    packaged: Metric, sound: Samples, background: str, before_s: float
) -> None:
    quiet, cut = BACKGROUNDS[background], round(before_s * RATE)
    reference = join(sound[:cut], quiet, sound[cut:])
    degraded = join(sound[:cut], noise(10, -20), sound[cut:])
    score = scored(packaged, reference, degraded)
    assert score.mos < 3
    assert score.seconds == pytest.approx(16, abs=0.1)
    if background != "cancelling channels":
        assert f"10.00 s in all, first at {before_s:.2f} s" in " ".join(score.notes)


def test_noise_in_a_long_silent_start_lowers_the_score_and_the_lag_is_still_found(
    packaged: Metric, sound: Samples
) -> None:
    score = scored(packaged, join(silence(40), sound), join(noise(40.05, -20), sound))
    assert score.mos < 3
    assert score.lag_samples == 2400
    assert score.seconds == pytest.approx(46, abs=0.1)


@pytest.mark.parametrize("name", ["compact", "plain"])
def test_silence_common_to_both_moves_the_score_by_less_than_two_hundredths(name: str) -> None:
    metric = deepaq.load() if name == "compact" else made(name)
    sound = music(12, 1, RATE)
    worse = sound + noise(12, -45)
    plain = scored(metric, sound, worse).mos
    for where in (0, 5 * RATE, 12 * RATE):
        for seconds in (0.004, 2.5, 9.9, 31.0):
            pair = [join(samples[:where], silence(seconds), samples[where:]) for samples in (sound, worse)]
            score = scored(metric, *pair)
            assert score.mos == pytest.approx(plain, abs=0.02), (seconds, where)
            assert score.seconds == pytest.approx(12, abs=0.1)
            said = "in which both signals are silent were not scored" in " ".join(score.notes)
            assert said is (seconds > 1), score.notes


def test_a_reference_whose_channels_cancel_is_scored_and_aligned(packaged: Metric, sound: Samples) -> None:
    clean = antiphase(sound)
    assert scored(packaged, clean, clean.copy()).mos == pytest.approx(4.732, abs=0.001)
    late = scored(packaged, clean, join(silence(0.02), clean / 2))
    assert (late.lag_samples, late.level_db) == (960, pytest.approx(-6.02, abs=0.05))
    assert late.mos == pytest.approx(4.732, abs=0.001)
    assert scored(packaged, clean, clean + noise(6, -30)).mos < 3
    with pytest.raises(UserError, match="or its channels cancel"):
        scored(made("plain"), clean, clean)


@pytest.mark.parametrize("seconds", [8.9, 9.95, 18.95, 19.05])
def test_a_short_sound_behind_a_long_silence_is_scored(packaged: Metric, seconds: float) -> None:
    clean = join(noise(1, -20), silence(seconds), noise(0.1, -20, seed=1))
    score = scored(packaged, clean, clean)
    assert score.mos == pytest.approx(4.732, abs=0.001)
    assert score.seconds == pytest.approx(1.1, abs=0.05)


@pytest.mark.parametrize("frames", [1, 100, RATE // 5])
def test_what_is_too_short_is_named(packaged: Metric, sound: Samples, frames: int) -> None:
    with pytest.raises(UserError, match=rf"in common with the array are {frames / RATE:.2f} s, 0.25 s are needed"):
        scored(packaged, sound, sound[:frames])


def test_a_silent_reference_is_refused(packaged: Metric) -> None:
    with pytest.raises(UserError, match="is silent"):
        scored(packaged, silence(5), noise(5, -20))


def test_a_network_that_needs_sound_says_what_it_did_not_score(sound: Samples) -> None:
    from tests.deepaq.backbones.shrunken import TINY

    metric = made("mert", init="random", config=TINY, dims=8)
    pair = (join(samples[: 4 * RATE], tail) for samples, tail in ((sound, silence(4)), (sound, noise(4, -20))))
    score = scored(metric, *pair)
    assert score.seconds == pytest.approx(4, abs=0.01)
    assert "4.00 s were not scored; the network mert needs sound" in " ".join(score.notes)


@pytest.mark.parametrize(("lag_s", "when"), [(4.0, "4.00 s later"), (-3.5, "3.50 s earlier"), (45.0, "45.00 s later")])
def test_a_lag_beyond_those_that_are_found_is_named(packaged: Metric, lag_s: float, when: str) -> None:
    whole = music(12, 1)
    shift = round(abs(lag_s) * RATE)
    degraded = join(noise(abs(lag_s), -60), whole) if lag_s > 0 else whole[shift:]
    notes = packaged.score(whole, degraded, sample_rate=RATE).notes
    assert any(f"resembles the array {when} only; lags are found up to 3 s" in line for line in notes), notes


def test_of_repeated_music_the_lag_of_the_whole_is_named(packaged: Metric) -> None:
    """Two bars that alternate are alike after a bar, too, which is within the lags that are aligned."""
    gains = np.random.default_rng(3).random((2, 15, 1), np.float32).repeat(RATE // 10, axis=1)
    bar, other = (noise(1.5, -20, seed) * gains[seed] for seed in (0, 1))
    whole = join(bar, bar, bar, other, bar, bar, other, bar)
    notes = scored(packaged, whole, whole[round(4.5 * RATE) :]).notes
    assert any("resembles the array 4.50 s earlier only" in line for line in notes), notes


def test_another_sound_hardly_resembles(packaged: Metric, sound: Samples) -> None:
    notes = scored(packaged, sound, noise(12, -20)).notes
    assert any("hardly resembles" in line for line in notes), notes
    assert not any("later only" in line or "earlier only" in line for line in notes), notes


@pytest.mark.parametrize("lag_s", [0.15, -0.15])
def test_times_are_those_of_the_degraded_signal(packaged: Metric, sound: Samples, lag_s: float) -> None:
    degraded = sound.copy()
    degraded[4 * RATE : 5 * RATE] += noise(1, -20)
    shift = round(abs(lag_s) * RATE)
    degraded = join(noise(abs(lag_s), -60), degraded) if lag_s > 0 else degraded[shift:]
    score = scored(packaged, sound, degraded)
    assert score.lag_samples == round(lag_s * RATE)
    worst = max(score.segments, key=lambda segment: segment.distance)
    assert worst.start_s == pytest.approx(4 + lag_s, abs=0.6)
    assert score.segments[0].start_s == pytest.approx(max(lag_s, 0), abs=0.001)


def test_a_file_scores_as_its_array_where_the_mean_of_its_beginning_is_not_that_of_its_silence(
    packaged: Metric, sound: Samples, tmp_path: Path
) -> None:
    uneven = np.abs(sound) * np.float32(0.5)  # without silence, so that its mean is taken for an offset
    reference, degraded = (join(uneven, rest) for rest in (silence(10), noise(10, -20)))
    files = [write(tmp_path / name, samples, RATE) for name, samples in (("r.wav", reference), ("d.wav", degraded))]
    score = packaged.score(*files)
    assert "10.00 s in all, first at 6.00 s" in " ".join(score.notes)
    assert score.mos == pytest.approx(scored(packaged, reference, degraded).mos, abs=1e-3)
    same = packaged.score(files[0], files[0])
    assert same.seconds == pytest.approx(6, abs=0.1)
