"""PEAQ and the 2f-model: values of independent implementations on real pairs, and the parts against their equations."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from deepaq.audio import read, resample
from deepaq.audio.align import align
from deepaq.errors import UserError
from labels.raters.peaq import ear, movs, network, patterns
from labels.raters.rater import rater
from labels.raters.twof import two_f
from tests.sounds import music

RATE = ear.SAMPLE_RATE

# Of independent implementations of BS.1387, on google/visqol's conformance pairs after alignment: ODG, 2f (raw), then
# the 11 variables in the network's order. They agree with each other to .05 ODG and .2 on 2f.
PUBLISHED = {
    "contrabassoon48_stereo_24kbps_aac": (
        -3.603, 45.99, 866.274, 544.803, -2.159, 32.667, 1.975, 0.696, 33.194, 109.272, 0.789, 1.000, 0.973),
    "guitar48_stereo_64kbps_aac": (
        -2.109, 74.56, 775.213, 764.785, -6.018, 14.706, 1.223, 0.656, 14.592, 23.048, 0.285, 0.999, 0.759),
    "harpsichord48_stereo_96kbps_mp3": (
        -3.502, 55.28, 847.132, 630.733, -7.580, 27.964, 1.699, 1.082, 27.971, 110.903, 0.647, 1.000, 0.524),
    "ravel48_stereo_128kbps_opus": (
        -0.627, 77.62, 898.819, 853.945, -11.249, 10.967, 1.199, 0.610, 10.719, 20.151, 0.311, 1.000, 0.132),
    "steely48_stereo_lp7": (
        -1.646, 52.54, 879.394, 319.647, -4.724, 11.014, 2.112, 0.411, 11.166, 3.691, 0.147, 1.000, 0.984),
    "strauss48_stereo_lp35": (
        -2.423, 25.43, 885.208, 183.974, -1.857, 20.737, 2.907, 2.405, 21.047, 60.272, 0.218, 1.000, 1.000),
}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("name", PUBLISHED)
def test_values_of_other_implementations(shared: Path, name: str) -> None:
    item = "_".join(name.split("_")[:2])
    sounds = [read(shared / "visqol_conformance" / f"{stem}.flac").samples for stem in (item, name)]
    pair = align(sounds[0], sounds[1], RATE)
    odg, raw, *variables = PUBLISHED[name]
    found = rater("peaq").judge(pair.reference)(pair.degraded)
    assert found.value == pytest.approx(odg, abs=0.002)
    assert [found.extras[key] for key in network.VARIABLES] == pytest.approx(variables, rel=0.002, abs=0.001)
    assert two_f(found.extras) == pytest.approx(raw, abs=0.02)


@pytest.mark.shared
def test_a_recording_against_itself(shared: Path) -> None:
    sound = read(shared / "visqol_conformance" / "castanets48_stereo.flac").samples
    assert rater("peaq").judge(sound)(sound).value == pytest.approx(0.211, abs=0.001)
    found = rater("2f").judge(sound)(sound)
    assert (found.value, found.extras["raw"]) == (100, pytest.approx(118.5, abs=0.05))
    assert set(found.extras) == {"raw", "AvgModDiff1", "ADB"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_network_alone(name: str) -> None:
    odg, _, *variables = PUBLISHED[name]
    index = network.distortion_index(dict(zip(network.VARIABLES, variables, strict=True)))
    assert network.objective_difference_grade(index) == pytest.approx(odg, abs=0.001)


def test_the_bands_are_those_of_the_recommendation() -> None:
    """BS.1387-1, table 6: centre frequencies of the first two bands and of the last, which is narrower."""
    assert ear.BANDS == 109
    assert ear.CENTRES_HZ[[0, 1, 108]] == pytest.approx([91.708, 115.216, 17690.045], abs=0.002)


def test_a_full_scale_sine_is_played_at_92_db() -> None:
    time = np.arange(3 * ear.FRAME) / RATE
    sine = np.sin(2 * np.pi * ear.CALIBRATION_HZ * time)[:, None]
    peaks = 20 * np.log10(ear.magnitudes(sine, 0, 3).max(axis=-1))
    assert peaks == pytest.approx(92, abs=0.01)


def test_frames_and_their_padding() -> None:
    assert [ear.count_steps(frames) for frames in (1, 2048, 2049, 3072, 3073)] == [1, 1, 2, 2, 3]
    sound = music(0.2, rate=RATE)
    steps = ear.count_steps(len(sound))
    whole = ear.magnitudes(sound, 0, steps)
    assert whole.shape == (steps, 2, 1025)
    np.testing.assert_allclose(ear.magnitudes(sound, steps - 2, steps), whole[-2:])


def test_spreading_against_the_equations() -> None:
    """Kabal 2003, equations 25 to 30, band by band."""
    rng = np.random.default_rng(0)
    weighted = 10 ** rng.uniform(-1, 3, ear.BINS)
    energies = ear.band_energies(weighted) + ear.INTERNAL_NOISE

    def spread(values: np.ndarray) -> np.ndarray:
        total = np.zeros(ear.BANDS)
        for source, energy in enumerate(values):
            away = ear.BARK * (np.arange(ear.BANDS) - source)
            slope_db = -24 - 230 / ear.CENTRES_HZ[source] + 0.2 * 10 * np.log10(energy)
            weights = 10 ** (np.where(away < 0, 27 * away, slope_db * away) / 10)
            total += (energy * weights / weights.sum()) ** 0.4
        return total**2.5

    np.testing.assert_allclose(ear.excitation(weighted), spread(energies) / spread(np.ones(ear.BANDS)), rtol=1e-9)


def test_band_energies_keep_the_energy() -> None:
    inside = np.zeros(ear.BINS)
    inside[10:700] = 1
    assert ear.band_energies(inside).sum() == pytest.approx(690, rel=1e-9)


def test_memory_of_the_ear() -> None:
    """After a click excitation decays by its time constant; adaptation takes out a steady change of level."""
    click = np.full((40, 1, ear.BANDS), 1.0)
    click[5] = 1e6
    decay = 10 * np.log10(patterns.smear(click)[[6, 7], 0, 0] / 1.0)
    seconds = 0.008 + 100 / ear.CENTRES_HZ[0] * (0.030 - 0.008)
    assert decay[0] - decay[1] == pytest.approx(10 / np.log(10) / (ear.STEPS_PER_S * seconds), rel=0.01)
    rng = np.random.default_rng(0)
    steady = 10 ** rng.uniform(3, 4, (200, 1, ear.BANDS))
    reference, test = patterns.adapt(steady, 4 * steady)
    np.testing.assert_allclose(test[-1], reference[-1], rtol=1e-6)
    reference, test = patterns.adapt(steady, steady)
    np.testing.assert_allclose(test, reference, rtol=1e-9)


def test_loudness_grows_as_zwickers_law_says() -> None:
    """None at the threshold in quiet; well above it by 10^0.23 for 10 dB (BS.1387-1, equation 58)."""
    khz = ear.CENTRES_HZ / 1000
    assert patterns.loudness(10 ** (0.364 * khz**-0.8)) == pytest.approx(0, abs=1e-12)
    loud = np.full(ear.BANDS, 1e9)
    assert patterns.loudness(10 * loud) / patterns.loudness(loud) == pytest.approx(10**0.23, rel=0.02)


def test_pieces_channels_and_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = music(1.5, rate=RATE)
    test = sound + 0.003 * np.random.default_rng(0).standard_normal(sound.shape).astype(np.float32)
    whole = movs.model_output_variables(sound, test)
    swapped = movs.model_output_variables(sound[:, ::-1], test[:, ::-1])
    assert swapped == pytest.approx(whole, rel=1e-9)
    monkeypatch.setattr(movs, "_CHUNK", 7)
    assert movs.model_output_variables(sound, test) == pytest.approx(whole, rel=1e-9)
    mono, mono_test = sound[:, :1], test[:, :1]
    twice = movs.model_output_variables(np.repeat(mono, 2, axis=1), np.repeat(mono_test, 2, axis=1))
    assert twice == movs.model_output_variables(mono, mono_test)


def test_hard_cases_stay_finite() -> None:
    sound = music(1.5, rate=RATE)
    quiet = np.zeros_like(sound)
    quiet[-20_000:] = sound[-20_000:]
    for reference, test in ((sound, 0.005 * sound), (sound, 60 * sound), (quiet, sound), (sound, -sound)):
        found = rater("peaq").judge(reference)(test)
        assert -3.98 <= found.value <= 0.22
        assert np.isfinite(list(found.extras.values())).all()
    early = np.zeros_like(sound)
    early[:10_000] = sound[:10_000]
    with pytest.raises(UserError, match=r"less than 0\.1 s of the reference is audible after its first half second"):
        rater("peaq").judge(early)(early)


@pytest.mark.shared
def test_listeners_of_separated_sources(shared: Path) -> None:
    """SiSEC08, the nine systems' signals that are there: aligned, the 2f-model follows the listeners (.98)."""
    folder = shared / "listening" / "sebass_sisec08"
    ratings: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in csv.DictReader((folder / "SiSEC08_anonymized.csv").open()):
        ratings[row["Trial"], row["Condition"]].append(float(row["Ratingscore"]))
    heard, rated = [], []
    for path in sorted(folder.glob("Signals/Algo*/*.wav")):
        sounds = [read(folder / "Signals" / part / path.name) for part in ("orig", path.parent.name)]
        pair = align(*(resample(sound.samples, sound.sample_rate, RATE) for sound in sounds), RATE)
        rated.append(rater("2f").judge(pair.reference)(pair.degraded).extras["raw"])
        heard.append(np.mean(ratings[path.stem, path.parent.name]))
    assert len(heard) == 9
    assert np.corrcoef(heard, rated)[0, 1] == pytest.approx(0.98, abs=0.01)


def test_no_step_is_counted_after_the_last_analysis_frame() -> None:
    """Sound may end with the file: its loudness is sought in the last step at the latest."""
    reference = np.zeros((60 * ear.HOP, 2))
    reference[57 * ear.HOP :] = 0.1 * np.random.default_rng(0).standard_normal((3 * ear.HOP, 2))
    assert np.isfinite(list(movs.model_output_variables(reference, 0.9 * reference).values())).all()
