"""Alignment: the lag of made-up and of real pairs, and what is left of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepaq.audio import Samples, read, to_mono
from deepaq.audio.align import align, find_lag
from deepaq.errors import UserError
from tests.sounds import RATE, music

BOUND = round(0.2 * RATE)
MUSIC = music(3)
NOISE = np.random.default_rng(5).standard_normal((3 * RATE, 2)).astype(np.float32) / 10


def late(samples: Samples, lag: int) -> Samples:
    """`samples` moved by `lag` within the same length; what comes in from outside is silence."""
    moved = np.zeros_like(samples)
    if lag >= 0:
        moved[lag:] = samples[: len(samples) - lag]
    else:
        moved[:lag] = samples[-lag:]
    return moved


@settings(max_examples=25, deadline=None)
@given(
    lag=st.integers(-BOUND, BOUND),
    cut=st.integers(0, RATE),
    gain=st.sampled_from([-2.0, -0.3, 0.1, 1.0]),
    noise=st.sampled_from([0.0, 0.01]),
)
def test_any_lag_within_the_bound_is_found_and_removed(lag: int, cut: int, gain: float, noise: float) -> None:
    degraded = gain * late(MUSIC + noise * NOISE, lag)[: len(MUSIC) - cut]
    pair = align(MUSIC, degraded.astype(np.float32), RATE)
    assert pair.lag == lag
    assert len(pair.reference) == len(pair.degraded) >= len(MUSIC) - cut - abs(lag)
    assert np.abs(pair.degraded - gain * pair.reference).max() < 0.02
    assert pair.level_db == pytest.approx(20 * np.log10(abs(gain)), abs=0.3)


@pytest.mark.parametrize("lag_s", [-2.9, -0.31, 0.25, 1.4])
def test_a_file_cut_elsewhere_is_found_within_three_seconds(lag_s: float) -> None:
    reference, lag = music(6, 3), round(lag_s * RATE)
    coded = 0.4 * late(reference + 0.02 * np.resize(NOISE, reference.shape), lag)
    assert align(reference, coded.astype(np.float32), RATE).lag == lag


@pytest.mark.parametrize("lag", [-7001, -3, 0, 4302])
@pytest.mark.parametrize("kind", ["noise", "low-passed", "noisy", "longer"])
def test_kinds_of_degradation(kind: str, lag: int) -> None:
    reference = NOISE if kind == "noise" else MUSIC
    degraded = late(reference, lag)
    if kind == "low-passed":
        spectrum = np.fft.rfft(degraded, axis=0)
        spectrum[3 * 2000 :] = 0
        degraded = np.fft.irfft(spectrum, len(degraded), axis=0).astype(np.float32)
    elif kind == "noisy":
        degraded = degraded + 0.3 * NOISE
    elif kind == "longer":
        degraded = np.concatenate([degraded, music(1, 9)])
    tolerance = 1 if kind == "low-passed" else 0  # its correlation is as wide as 2 kHz is slow
    assert find_lag(to_mono(reference), to_mono(degraded), RATE) == pytest.approx(lag, abs=tolerance)


def test_a_long_file_is_searched_in_pieces() -> None:
    """A minute and a half; only the last five seconds are audible."""
    quiet = np.zeros((85 * RATE, 2), np.float32)
    reference = np.concatenate([quiet, music(5)])
    assert align(reference, late(reference, -816), RATE).lag == -816


def test_periodic_sound_is_moved_by_the_least_that_fits() -> None:
    time = np.arange(2 * RATE) / RATE
    tone = np.sin(2 * np.pi * 441 * time).astype(np.float32)
    moved = np.sin(2 * np.pi * 441 * (time - 10 / RATE)).astype(np.float32)
    assert find_lag(tone, moved, RATE) == 10
    beats = np.tile(to_mono(music(0.25, 3)), 12)
    assert find_lag(beats, beats, RATE) == 0
    assert abs(find_lag(beats, late(beats, 777), RATE)) == 777


def test_a_vocoder_that_keeps_only_the_envelopes_is_found_by_them() -> None:
    """Random phases in every frame: no waveform to correlate, but the sound is late all the same."""
    rng = np.random.default_rng(1)
    voice = to_mono(music(4, 2)) * (1 + np.sin(2 * np.pi * 3.1 * np.arange(4 * RATE) / RATE) ** 8).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(voice, 512)[::128] * np.hanning(512)
    spectra = np.abs(np.fft.rfft(frames, axis=1))
    pieces = np.fft.irfft(spectra * np.exp(2j * np.pi * rng.random(spectra.shape)), axis=1) * np.hanning(512)
    resynthesis = np.zeros(len(voice), np.float32)
    for index, piece in enumerate(pieces):
        resynthesis[index * 128 : index * 128 + 512] += piece
    assert abs(find_lag(voice, late(resynthesis, 1000), RATE) - 1000) < 0.001 * RATE


def test_nothing_in_common_means_no_lag() -> None:
    other = np.random.default_rng(6).standard_normal(len(NOISE)).astype(np.float32)
    assert find_lag(to_mono(NOISE), other, RATE) == 0
    for silent in (np.zeros(len(MUSIC), np.float32), np.zeros(5, np.float32)):
        assert find_lag(to_mono(MUSIC), silent, RATE) == find_lag(silent, to_mono(MUSIC), RATE) == 0
    assert align(MUSIC, np.zeros_like(MUSIC), RATE).level_db == pytest.approx(-120 + 23, abs=5)


def test_bound_shapes_and_bad_input() -> None:
    assert find_lag(to_mono(MUSIC), to_mono(late(MUSIC, 30)), RATE, largest_lag_s=40 / RATE) == 30
    assert find_lag(to_mono(MUSIC), to_mono(late(MUSIC, 30)), RATE, largest_lag_s=0) == 0
    pair = align(MUSIC, late(MUSIC, 30)[:, 0], RATE)
    assert pair.reference.shape == (len(MUSIC) - 30, 2)
    assert pair.degraded.shape == (len(MUSIC) - 30,)
    with pytest.raises(UserError, match="degraded signal is empty"):
        align(MUSIC, MUSIC[:0], RATE)
    with pytest.raises(UserError, match="reference is empty"):
        align(MUSIC[:0], MUSIC, RATE)
    with pytest.raises(UserError, match="degraded signal holds NaN"):
        align(MUSIC, np.full_like(MUSIC, np.nan), RATE)


# Lags in samples of real coded, low-passed and separated pairs.
CODED = {
    "contrabassoon48_stereo_24kbps_aac": 4302,
    "glock48_stereo_48kbps_aac": 4244,
    "guitar48_stereo_64kbps_aac": 4230,
    "harpsichord48_stereo_96kbps_mp3": 1105,
    "moonlight48_stereo_128kbps_aac": 1600,
    "ravel48_stereo_128kbps_opus": 0,
    "sopr48_stereo_256kbps_aac": 1600,
    "steely48_stereo_lp7": 0,
    "strauss48_stereo_lp35": 0,
}
SEPARATED = {
    ("sim_1", "Algo27"): 105,
    ("sim_1", "Algo30"): 105,
    ("sim_1", "Algo32"): 0,
    ("sim_2", "Algo27"): -1059,
    ("sim_2", "Algo30"): -1588,
    ("sim_2", "Algo32"): -1588,
    ("sim_3", "Algo27"): -816,
    ("sim_3", "Algo30"): -816,
    ("sim_3", "Algo32"): -2674,
}


@pytest.mark.shared
def test_coded_and_filtered_recordings(shared: Path) -> None:
    found = {}
    for name in CODED:
        item = "_".join(name.split("_")[:2])
        reference, degraded = (read(shared / "visqol_conformance" / f"{stem}.flac") for stem in (item, name))
        found[name] = align(reference.samples, degraded.samples, reference.sample_rate).lag
    assert found == CODED


@pytest.mark.shared
def test_separated_sources(shared: Path) -> None:
    folder = shared / "listening" / "sebass_sisec08" / "Signals"
    found = {}
    for signal, system in SEPARATED:
        reference, degraded = (read(folder / name / f"nodrums_inst_{signal}.wav") for name in ("orig", system))
        found[signal, system] = align(reference.samples, degraded.samples, reference.sample_rate).lag
    assert found == SEPARATED


@pytest.mark.shared
@pytest.mark.parametrize(("codec", "lag", "tolerance"), [("lyra_6", 9, 1), ("audiodec_8", 219, 12), ("prop_13", 0, 12)])
def test_neural_speech_codecs(shared: Path, codec: str, lag: int, tolerance: int) -> None:
    """Median over 16 items: of two of these codecs the waveform is not the reference's, so that one item may err."""
    lags = []
    for item in sorted((shared / "listening" / "stahl2024_codec_speech" / "audio").iterdir()):
        reference, degraded = read(item / "ref.wav"), read(item / f"{codec}.wav")
        lags.append(align(reference.samples, degraded.samples, reference.sample_rate).lag)
    assert np.median(lags) == pytest.approx(lag, abs=tolerance)
    assert np.mean(np.abs(np.array(lags) - lag) <= 0.003 * 24_000) >= 0.9


@pytest.mark.parametrize("lag", [0, 700, -900, 5000])
def test_a_quick_search_finds_the_same_lag(lag: int) -> None:
    rng = np.random.default_rng(5)
    sound = np.cumsum(rng.normal(0, 5e-4, 8 * 48_000)).astype(np.float32)
    sound -= np.convolve(sound, np.ones(480, np.float32) / 480, "same")
    degraded = np.roll(sound, lag) + rng.normal(0, 1e-4, len(sound)).astype(np.float32)
    assert align(sound, degraded, 48_000, quick=True).lag == align(sound, degraded, 48_000).lag == lag


def test_a_quick_search_falls_back_where_the_signals_differ() -> None:
    rng = np.random.default_rng(6)
    sound = rng.normal(0, 0.1, 8 * 48_000).astype(np.float32)
    degraded = np.roll(sound, 480) + rng.normal(0, 0.1, len(sound)).astype(np.float32)
    assert align(sound, degraded, 48_000, quick=True).lag == 480
