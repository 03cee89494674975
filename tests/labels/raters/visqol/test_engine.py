"""The engine against visqol-python, as it is shipped and with the envelope of the C++ program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visqol import alignment as visqol_alignment
from visqol import signal_utils

from deepaq.audio import is_silent, read, to_mono
from deepaq.errors import UserError
from labels.raters.visqol import AUDIO, engine, package, shipped
from labels.raters.visqol.alignment import PACKAGE, PROGRAM, Envelope
from labels.raters.visqol.mode import EXPONENTIAL_SPEECH, SPEECH, Mode
from tests.labels.raters.visqol.signals import BOTH, Sound, mono, noisy


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
    mode = replace(mode, sample_rate=48_000, window=3840, hop=960)
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
