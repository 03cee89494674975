"""The ViSQOL rater: published values, and what must not reach the engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepaq.audio import read, resample, to_mono
from deepaq.errors import UserError
from labels.importing.stage import ImportSettings, import_test
from labels.raters.rater import rater
from labels.raters.visqol import IDENTITY_MOS, SAMPLE_RATE
from labels.rating.stage import Settings, rate
from manifests.dataset import Dataset
from tests.labels.listening.listening_layouts import table
from tests.sounds import music

# MOS-LQO that google/visqol publishes for its conformance pairs: reference, degraded, value.
PAIRS = [
    ("strauss48_stereo", "strauss48_stereo_lp35", 1.388879148913),
    ("steely48_stereo", "steely48_stereo_lp7", 2.250168373438),
    ("sopr48_stereo", "sopr48_stereo_256kbps_aac", 4.682289697379),
    ("ravel48_stereo", "ravel48_stereo_128kbps_opus", 4.465141897255),
    ("moonlight48_stereo", "moonlight48_stereo_128kbps_aac", 4.684292801646),
    ("harpsichord48_stereo", "harpsichord48_stereo_96kbps_mp3", 4.223745327660),
    ("guitar48_stereo", "guitar48_stereo_64kbps_aac", 4.349722308064),
    ("glock48_stereo", "glock48_stereo_48kbps_aac", 4.332452943882),
    ("contrabassoon48_stereo", "contrabassoon48_stereo_24kbps_aac", 2.346868205375),
    ("castanets48_stereo", "castanets48_stereo", 4.732101253042),
    ("guitar48_stereo", "guitar48_stereo_5_sec", 4.314508583690),
    ("guitar48_stereo_5_sec", "guitar48_stereo", 4.550791119388),
    ("CA01_01", "transcoded_CA01_01", 1.765837875296),
]


@pytest.mark.shared
@pytest.mark.parametrize(("reference", "degraded", "mos"), PAIRS, ids=[pair[1] for pair in PAIRS])
def test_published_values(shared: Path, reference: str, degraded: str, mos: float) -> None:
    sounds = [read(shared / "visqol_conformance" / f"{name}.flac") for name in (reference, degraded)]
    mono = [resample(to_mono(sound.samples.astype(np.float64)), sound.sample_rate, SAMPLE_RATE) for sound in sounds]
    assert rater("visqol").judge(mono[0])(mono[1]).value == pytest.approx(mos, abs=1e-6)


@pytest.mark.shared
def test_labels_are_the_published_values(shared: Path, tmp_path: Path) -> None:
    """Through the whole stage: where nothing is changed, where the version is longer or shorter, and speech."""
    folder, chosen = shared / "visqol_conformance", PAIRS[-4:]
    files = [[folder / f"{name}.flac" for name in pair[:2]] for pair in chosen]
    rows = [(*pair, 50, number) for number, pair in enumerate(files)]
    path = table(tmp_path / "pairs.csv", ("reference", "degraded", "score", "item"), rows)
    import_test("csv", path, tmp_path / "data", ImportSettings(quiet=True, outside=True))
    rate(tmp_path / "data", "visqol", Settings(quiet=True))
    dataset = Dataset(tmp_path / "data")
    items = {row["degraded_id"]: int(row["item"]) for row in dataset.degraded().to_pylist()}
    found = {items[row["degraded_id"]]: row["value"] for row in dataset.labels("visqol").to_pylist()}
    for number, (_, degraded, mos) in enumerate(chosen):
        assert found[number] == pytest.approx(mos, abs=1e-5), degraded


def mono(seconds: float = 2, seed: int = 0) -> np.ndarray:
    return to_mono(music(seconds, seed, rate=SAMPLE_RATE))


def test_identity_is_the_top_of_the_scale() -> None:
    sound = mono()
    assert rater("visqol").judge(sound)(sound).value == pytest.approx(IDENTITY_MOS, abs=1e-6)


def test_more_noise_is_worse() -> None:
    sound = mono(4)
    noise = np.random.default_rng(1).standard_normal(len(sound)).astype(np.float32)
    judge = rater("visqol").judge(sound)
    values = [judge(sound + level * noise).value for level in (0.001, 0.01, 0.1)]
    assert IDENTITY_MOS > values[0] > values[1] > values[2] >= 1


BROKEN = {
    "is silent": np.zeros(2 * SAMPLE_RATE, np.float32),
    "lasts 0.50 s": mono(0.5),
    "NaN": np.where(np.arange(2 * SAMPLE_RATE) == 7, np.nan, mono(2)).astype(np.float32),
    "int16": (mono(2) * 32767).astype(np.int16),
    "takes \\(frames,\\)": music(2, rate=SAMPLE_RATE),
}


@pytest.mark.parametrize("reason", BROKEN)
def test_what_the_engine_would_accept_silently_is_refused(reason: str) -> None:
    visqol = rater("visqol")
    with pytest.raises(UserError, match=reason):
        visqol.judge(BROKEN[reason])
    judge = visqol.judge(mono())
    with pytest.raises(UserError, match=reason):
        judge(BROKEN[reason])


def test_an_unknown_rater_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown; known are .*visqol"):
        rater("nobody")
