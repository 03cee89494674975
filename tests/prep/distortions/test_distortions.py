"""The contract of every distortion: same length, no delay, worse with severity, decided by the seed alone."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepaq.audio import read
from deepaq.errors import UserError
from manifests.check import problems
from manifests.dataset import Dataset
from manifests.ids import joined_id, settings_id
from prep.distortions import DISTORTIONS, distort, tandem
from prep.distortions.condition import distortion_conditions
from prep.testing import check_distortion
from prep.transcode import Settings, transcode
from tests.sounds import RATE, music, write

CHEAP = sorted(set(DISTORTIONS) - {"tandem"})  # what needs no coder
CERTAIN = {"lowpass", "highpass", "clipping", "quantisation", "narrowing", "level-spread", "rate-drift"}  # no seed
SOUND = music(3, seed=5)


def error_db(reference: np.ndarray, degraded: np.ndarray) -> float:
    return float(10 * np.log10(np.mean((degraded - reference) ** 2) / np.mean(reference**2)))


@pytest.mark.parametrize("name", DISTORTIONS)
def test_every_distortion_keeps_the_contract(name: str) -> None:
    check_distortion(name)


@pytest.mark.parametrize("name", sorted(set(CHEAP) - CERTAIN))
def test_the_seed_decides_what_is_random(name: str) -> None:
    assert not np.array_equal(distort(SOUND, RATE, name, 3, seed=1), distort(SOUND, RATE, name, 3, seed=2))


@pytest.mark.parametrize("name", CHEAP)
@given(frames=st.integers(1, 9000), channels=st.integers(1, 3), seed=st.integers(0, 2**63), severity=st.integers(1, 5),
       rate=st.sampled_from([16_000, 24_000, 48_000]), level=st.sampled_from([0.0, 1e-6, 1.0, 4.0]))  # fmt: skip
@settings(max_examples=6, deadline=None)
def test_any_length_layout_rate_and_level_is_survived(
    name: str, frames: int, channels: int, seed: int, severity: int, rate: int, level: float
) -> None:
    samples = (level * np.random.default_rng(1).uniform(-1, 1, (frames, channels))).astype(np.float32)
    degraded = distort(samples, rate, name, severity, seed)
    assert degraded.shape == samples.shape
    assert np.isfinite(degraded).all()
    assert level or not degraded.any()


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


@pytest.mark.parametrize(("name", "severity"), [("echo", 1), ("noise", 0), ("noise", 6)])
def test_what_is_not_registered_is_refused(name: str, severity: int) -> None:
    with pytest.raises(UserError, match=name):
        distort(SOUND, RATE, name, severity, 0)


@pytest.mark.parametrize("shape", [(0, 2), (100,)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="frames, channels"):
        distort(np.zeros(shape, np.float32), RATE, "noise", 1, 0)


def test_distortions_are_rows_beside_codecs(tmp_path: Path) -> None:
    write(tmp_path / "music" / "a.wav", music(4, 1))
    wanted = Settings(("opus",), (64,), 2, "lowpass,noise-3,clipping-5,reverberation-5", jobs=1, quiet=True)
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        result = transcode([tmp_path / "music"], out, wanted)
        assert (result["references"], result["ok"], result["failed"]) == (2, 2 * 9, 0)
        assert list(problems(Dataset(out), deep=True)) == []
    tables = [Dataset(out).degraded().sort_by("degraded_id") for out in outs]
    assert tables[0] == tables[1]
    for row in tables[0].to_pylist():
        if row["codec"]:
            continue
        assert row["bitrate_kbps"] is row["actual_kbps"] is row["encoder"] is None
        assert row["lag_samples"] == 0
        (reference,) = [
            r for r in Dataset(outs[0]).references().to_pylist() if r["reference_id"] == row["reference_id"]
        ]
        name, _, severity = row["condition"].rpartition("-")
        seed = int(row["degraded_id"], 16)
        clean, stored = (read(outs[0] / path).samples for path in (reference["path"], row["path"]))
        np.testing.assert_allclose(stored, distort(clean, RATE, name, int(severity), seed), atol=2**-23)
    assert {row["arguments"] for row in tables[0].to_pylist() if row["condition"] == "noise-3"} == {"snr_db=30"}


@pytest.mark.parametrize("text", ["echo", "noise-7", "noise-x", "noise-²", "-3"])
def test_an_unknown_selection_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--distortions"):
        distortion_conditions(text)


def test_a_full_disk_is_no_matter_of_a_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = music(1)
    with monkeypatch.context() as then:
        then.setattr(tandem, "encode", lambda clip, codings, folder, seconds: {codings[0]: "ffmpeg ended with 228"})
        with pytest.raises(UserError, match="tandem: ffmpeg ended"):
            distort(sound, RATE, "tandem", 1, 0)
        then.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=0))
        with pytest.raises(OSError, match="No space left"):
            distort(sound, RATE, "tandem", 1, 0)


def test_selections_are_read_in_order_and_once() -> None:
    assert [damage.name for damage in distortion_conditions("noise-3, pink-noise-1,noise-3")] == [
        "noise-3",
        "pink-noise-1",
    ]
    assert len(distortion_conditions("all")) == 5 * len(DISTORTIONS)
    assert distortion_conditions("") == []


def test_the_documentation_lists_every_distortion() -> None:
    page = (Path(__file__).parents[3] / "docs" / "distortions.md").read_text(encoding="utf-8")
    listed = [name for line in page.splitlines() for name in re.findall(r"`([a-z-]+)`", "".join(line.split("|")[1:2]))]
    assert sorted(set(listed) - {"name"}) == sorted(DISTORTIONS.own)


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


def test_more_codebooks_leave_less() -> None:
    errors = [error_db(SOUND, distort(SOUND, RATE, "vector-quantisation", severity, 1)) for severity in (1, 3, 5)]
    assert errors[0] < -30
    assert errors[1] == pytest.approx(-20, abs=3)


@pytest.mark.parametrize(("name", "sir"), [("leakage", 20.0), ("leakage", 4.0)])
def test_a_leaked_source_has_the_ratio_of_its_severity(name: str, sir: float) -> None:
    severity = {20.0: 3, 4.0: 5}[sir]
    assert error_db(SOUND, distort(SOUND, RATE, name, severity, 1)) == pytest.approx(-sir, abs=0.05)


def test_settings_of_the_first_distortions_stay() -> None:
    """Data sets made earlier can be resumed only if the ids stay, whatever the version of the programs."""
    names = "lowpass,highpass,noise,pink-noise,clipping,quantisation,dropouts,packet-loss,pre-echo,spectral-holes"
    names += ",musical-noise,separation,reverberation,tandem,narrowing,imbalance,pumping,level-jumps"
    settings = [condition.settings() for condition in distortion_conditions(names)]
    ids = (settings_id({key: value for key, value in one.items() if key != "ffmpeg"}) for one in settings)
    assert joined_id(*ids) == "340bf620278ac197433765e5"
