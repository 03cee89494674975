"""The engine against visqol-python, as it is shipped and with the envelope of the C++ program: every step, and the
whole on random signals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visqol import alignment as visqol_alignment
from visqol import signal_utils
from visqol.analysis_window import AnalysisWindow
from visqol.audio_utils import AudioSignal
from visqol.gammatone import GammatoneSpectrogramBuilder
from visqol.patch_selector import find_most_optimal_deg_patches

from deepaq.audio import is_silent, read, to_mono
from deepaq.errors import UserError
from labels.raters.visqol import AUDIO, engine, mapping, package, search, shipped
from labels.raters.visqol.alignment import Target, lags
from labels.raters.visqol.envelope import PACKAGE, PROGRAM, Envelope
from labels.raters.visqol.gammatone import filterbank
from labels.raters.visqol.mode import EXPONENTIAL_SPEECH, SPEECH, Mode
from tests.sounds import music

Sound = npt.NDArray[np.float64]
BOTH = pytest.mark.parametrize("envelope", [PROGRAM, PACKAGE], ids=["program", "package"])


def mono(seconds: float, seed: int = 0, rate: int = 48_000) -> Sound:
    return to_mono(music(seconds, seed, rate)).astype(np.float64)


def noisy(sound: Sound, level: float, seed: int = 1) -> Sound:
    return sound + level * np.random.default_rng(seed).standard_normal(len(sound))


def clicks(frames: int) -> Sound:
    sound = np.zeros(frames)
    sound[500::7001] = 0.5
    return sound


@pytest.mark.parametrize("mode", [AUDIO, EXPONENTIAL_SPEECH], ids=lambda mode: mode.name)
@pytest.mark.parametrize("sound", [mono(1.5), noisy(np.zeros(60_000), 0.1), clicks(60_000), np.zeros(60_000)])
def test_band_energies_are_those_of_the_filters(sound: Sound, mode: Mode) -> None:
    builder = GammatoneSpectrogramBuilder(mode.bands, 50.0, speech_mode=mode.name == "speech")
    expected = builder.build(AudioSignal(sound, mode.sample_rate), AnalysisWindow(mode.sample_rate)).data
    found = filterbank(mode).spectrogram(sound)
    assert found.shape == expected.shape
    # Below 1e-7 (-140 dB) the floor of -45 dB, in ViSQOL's halved decibels 3e-5, hides everything.
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("frames", [7, 31, 32, 5_000, 8_192, 9_999])
def test_the_program_s_envelope_is_the_real_part_of_its_transforms(frames: int) -> None:
    """The C++ program pads to a power of two, doubles the frequencies between zero and the Nyquist frequency of the
    padded signal, drops the latter (or keeps it where nothing was padded), and inverts to real samples."""
    sound = np.random.default_rng(frames).standard_normal(frames) + 0.3
    size = max(32, 2 ** int(np.ceil(np.log2(frames))))
    spectrum = 2 * np.fft.rfft(sound - sound.mean(), size)
    spectrum[0] /= 2
    spectrum[-1] *= 0.5 if size == frames else 0
    expected = np.abs(np.fft.irfft(spectrum)[:frames]) + sound.mean()
    np.testing.assert_allclose(PROGRAM.exact(sound), expected, atol=1e-12)
    np.testing.assert_allclose(PROGRAM.rows(sound[None])[0], expected, atol=1e-5)


@pytest.mark.parametrize("delay", [0, 1, 37, 700, 9_000, 30_000])
@BOTH
def test_lags_maximise_the_correlation_of_the_envelopes(delay: int, envelope: Envelope) -> None:
    sound = mono(2)
    late = noisy(np.concatenate([np.zeros(delay), sound])[: len(sound)], 0.01)
    early = noisy(np.concatenate([sound[delay:], np.zeros(delay)]), 0.01)
    for version in (late, early, late[:-5000]):
        expected = signal_utils.find_best_lag(envelope.exact(sound), envelope.exact(version))
        assert lags([Target(sound, envelope)], [version]) == [expected if abs(expected) <= len(sound) / 2 else 0]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_paths_are_those_of_the_package(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames, width, bands = int(rng.integers(60, 200)), 20, 8
    reference = 20 * rng.random((bands, frames))
    reference[:, rng.integers(0, frames, 2).min() :] *= rng.choice([0, 1])  # patches of digital silence tie exactly
    degraded = np.roll(reference, rng.integers(-30, 30), axis=1) + rng.choice([0, 1, 10]) * rng.random(reference.shape)
    degraded = degraded[:, : rng.integers(frames // 2, frames + 1)]
    starts = [start for start in range(9, frames - width, width) if start - width // 2 <= degraded.shape[1]]
    patches = [reference[:, start : start + width] for start in starts]
    radius = int(rng.integers(1, 4))
    expected = find_most_optimal_deg_patches(patches, starts, degraded, 0.02, radius)
    found = search.find(np.stack(patches), np.array(starts), degraded, radius * width)
    if found.margin > engine.PATH_MARGIN:
        assert [bool(lost) for lost in found.lost] == [result.deg_patch_end_time == 0 for result in expected]
        places = [0.02 * offset * ~lost for offset, lost in zip(found.offsets, found.lost, strict=True)]
        assert places == pytest.approx([result.deg_patch_start_time for result in expected])


def test_the_regression_is_the_package_s() -> None:
    predict = package.manager(AUDIO).quality_mapper.predict_quality
    for row in np.random.default_rng(0).uniform(0, 1, (20, AUDIO.bands)):
        assert np.clip(mapping._regression(row), 1, 5) == pytest.approx(predict(row), abs=1e-12)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Sound, Sound]:
    """A clean signal and a version of it, as far apart as labelling may meet them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames = draw(st.integers(48_000, 110_000))
    time = np.arange(frames) / 48_000
    level = 10 ** draw(st.floats(-3.2, 0))
    kind = draw(st.sampled_from(["music", "noise", "tone", "tones", "sweep", "clicks", "gap"]))
    if kind == "music":
        sound = mono(frames / 48_000, int(rng.integers(99)))
    elif kind == "tone":
        sound = np.sin(2 * np.pi * draw(st.sampled_from([50, 100, 440, 1000, 12_000])) * time)
    elif kind == "tones":
        sound = sum(np.sin(2 * np.pi * rng.uniform(30, 20_000) * time) for _ in range(4))
    elif kind == "sweep":
        sound = np.sin(2 * np.pi * (100 + 4000 * time) * time)
    elif kind == "clicks":
        sound = np.zeros(frames)
        sound[rng.integers(0, frames, 40)] = 30
    else:
        sound = rng.standard_normal(frames)
        if kind == "gap":
            sound[frames // 4 : frames // 2] = 0
    sound = level * sound
    change = draw(st.sampled_from(["none", "noise", "low-pass", "late", "early", "gain", "steps", "drop", "shorter"]))
    shift = draw(st.integers(0, 20_000))
    if change == "noise":
        other = noisy(sound, level * 10 ** draw(st.floats(-4, 0)))
    elif change == "low-pass":
        other = np.convolve(sound, np.ones(7) / 7, "same")
    elif change == "late":
        other = np.concatenate([np.zeros(shift), sound])[:frames]
    elif change == "early":
        other = np.concatenate([sound[shift:], np.zeros(shift)])
    elif change == "steps":
        other = np.round(sound / level * 8) / 8 * level
    elif change == "drop":
        other = noisy(sound, level / 100)
        other[shift : shift + 9600] = 0
    elif change == "shorter":
        other = sound[: frames - shift]
    else:
        other = sound * (draw(st.floats(-4, 4)) if change == "gain" else 1)
    return sound, other


@given(pairs(), st.sampled_from([PROGRAM, PACKAGE]))
@settings(max_examples=20, deadline=None)
def test_scores_are_those_of_the_package_with_the_same_envelope(pair: tuple[Sound, Sound], envelope: Envelope) -> None:
    sound, other = pair
    if is_silent(sound) or is_silent(other):
        return
    try:
        expected = package.run(sound, other, AUDIO, envelope)
    except UserError:
        with pytest.raises(UserError):
            engine.Reference(sound, AUDIO, envelope).score(other)
        return
    found = engine.Reference(sound, AUDIO, envelope).score(other)
    assert found.mos == pytest.approx(expected.moslqo, abs=1e-6)
    assert found.vnsim == pytest.approx(expected.vnsim, abs=1e-6)


@BOTH
def test_levels_beyond_single_precision_are_left_to_the_package(envelope: Envelope) -> None:
    sound = 1e25 * mono(1.2)
    other = noisy(sound, 1e23)
    expected = package.run(sound, other, AUDIO, envelope).moslqo
    assert engine.Reference(sound, AUDIO, envelope).score(other).mos == pytest.approx(expected, abs=1e-6)


def test_close_calls_are_left_to_the_package_with_the_same_envelope(monkeypatch: pytest.MonkeyPatch) -> None:
    time = np.arange(72_000) / 48_000
    sound = 0.3 * np.sin(2 * np.pi * 60 * time) + 0.2 * np.sin(2 * np.pi * 97 * time + 1)
    other = noisy(sound, 0.03)
    expected = [engine.Reference(sound, AUDIO, envelope).score(other).mos for envelope in (PROGRAM, PACKAGE)]
    assert abs(expected[0] - expected[1]) > 1e-4
    own = signal_utils.upper_envelope
    monkeypatch.setattr(engine, "PATH_MARGIN", np.inf)
    left = [engine.Reference(sound, AUDIO, envelope).score(other).mos for envelope in (PROGRAM, PACKAGE)]
    assert left == pytest.approx(expected, abs=1e-8)
    assert visqol_alignment.upper_envelope is own


def test_a_reference_serves_many_versions() -> None:
    sound = mono(2)
    versions = [noisy(sound, level).astype(np.float32) for level in (0.1, 0.01, 0.001, 0.2, 0.02)]
    versions.append(versions[0][:-3000])
    reference = engine.Reference(sound)
    alone = [engine.Reference(sound).score(version).mos for version in versions]
    assert [reference.score(version).mos for version in versions] == pytest.approx(alone, abs=1e-9)


def test_a_version_without_a_frame_is_an_error() -> None:
    for kind in (engine.Reference, shipped.Reference):
        with pytest.raises(UserError, match=r"too short|Too few"):
            kind(mono(2)).score(mono(2)[:3000])


def test_a_reference_without_room_for_a_patch_is_an_error() -> None:
    for kind in (engine.Reference, shipped.Reference):
        for mode, seconds in ((AUDIO, 0.9), (EXPONENTIAL_SPEECH, 0.4)):
            with pytest.raises(UserError, match="too short"):
                kind(mono(seconds, rate=mode.sample_rate), mode)


def test_the_timeline_falls_where_the_sound_is_damaged() -> None:
    sound = mono(9)
    other = sound.copy()
    other[len(sound) // 2 :] = noisy(sound, 0.2)[len(sound) // 2 :]
    score = engine.Reference(sound).score(other)
    line = score.timeline(4)
    assert (line.start_s, line.hop_s, line.window_s) == pytest.approx((0.28, 0.6, 4.2))
    assert len(line.values) == len(score.patches) - 6
    assert line.values[-1] < 2 < 3 < line.values[0]  # the levels of the whole are matched, so that no part is perfect
    assert all(a >= b - 1e-9 for a, b in zip(line.values, line.values[1:], strict=False))
    assert score.timeline(60).values == [pytest.approx(score.mos, abs=1e-12)]
    fast = engine.Reference(sound, AUDIO, PACKAGE).score(other).timeline(4)
    assert fast.values == pytest.approx(shipped.Reference(sound).score(other).timeline(4).values, abs=1e-6)


@pytest.mark.shared
@pytest.mark.parametrize(("mode", "mos"), [(SPEECH, 3.3129234313964844), (EXPONENTIAL_SPEECH, 3.374505555111911)])
def test_published_values_of_speech(shared: Path, mode: Mode, mos: float) -> None:
    """The C++ program's for CA01 at its own 48 kHz."""
    if mode.mapping == "lattice":
        pytest.importorskip("ai_edge_litert")
    mode = replace(mode, sample_rate=48_000)
    names = ("CA01_01", "transcoded_CA01_01")
    sounds = [to_mono(read(shared / "visqol_conformance" / f"{name}.flac").samples) for name in names]
    assert engine.Reference(sounds[0], mode).score(sounds[1]).mos == pytest.approx(mos, abs=1e-6)
    fast = engine.Reference(sounds[0], mode, PACKAGE).score(sounds[1]).mos
    assert fast == pytest.approx(package.run(*sounds, mode).moslqo, abs=1e-6)


def test_speech_stretches_without_voice_have_no_value() -> None:
    time = np.arange(6 * 16_000) / 16_000
    voice = 0.4 * np.sin(2 * np.pi * 150 * time) * (1 + np.sin(2 * np.pi * 700 * time)) + 1e-5 * np.sin(9 * time)
    voice[2 * 16_000 : 4 * 16_000] *= 1e-4
    line = engine.Reference(voice, EXPONENTIAL_SPEECH).score(noisy(voice, 0.01)).timeline(0.4)
    assert line.values.count(None) >= 3
    assert None not in (line.values[0], line.values[-1])
