"""Inputs of a score: surround sound, open files, samples of another scale, generators."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

import deepaq
from deepaq.audio import read, to_stereo
from deepaq.errors import UserError
from deepaq.scoring.metric import Metric
from tests.deepaq.scoring.test_metric import metric, noisy
from tests.sounds import RATE, music, write


@pytest.fixture(scope="module")
def packaged() -> Metric:
    return deepaq.load()


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
def test_surround_scores_like_its_stereo_downmix(packaged: Metric, channels: int) -> None:
    surround = music(3, 1, channels=channels)
    found = packaged.score(to_stereo(surround), surround, sample_rate=RATE)
    assert found.mos == pytest.approx(packaged.model.full(0.0), abs=0.001)  # type: ignore[misc]
    assert found.notes == ()


@pytest.mark.parametrize(("channels", "rear"), [(4, 2), (6, 5), (7, 4), (8, 7)])
def test_noise_in_a_rear_channel_counts(packaged: Metric, channels: int, rear: int) -> None:
    surround = music(3, 1, channels=channels)
    worse = surround.copy()
    worse[:, rear] = noisy(surround[:, rear : rear + 1], 0.1)[:, 0]
    found = packaged.score(surround, worse, sample_rate=RATE)
    assert found.mos is not None
    assert found.mos < 4


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_open_files_score_like_their_paths_and_stay_as_they_were(tmp_path: Path, suffix: str) -> None:
    sound = music(3, 1)
    clean, worse = write(tmp_path / f"a{suffix}", sound), write(tmp_path / f"b{suffix}", noisy(sound, 0.02))
    expected = metric().score(clean, worse)
    with clean.open("rb") as first:
        second = io.BytesIO(worse.read_bytes())
        second.seek(0, io.SEEK_END)
        found = metric().score(first, second)
        assert (first.closed, first.tell(), second.tell()) == (False, 0, worse.stat().st_size)
        assert metric().score(first, second).distance == found.distance
    assert found.distance == expected.distance
    assert read(io.BytesIO(clean.read_bytes())).frames == len(sound)


def test_silence_before_the_sound_is_no_obstacle_for_an_open_file() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.concatenate([np.zeros((31 * RATE, 2), np.float32), music(3)]), RATE, format="WAV")
    assert metric().score(buffer, io.BytesIO(buffer.getvalue())).distance == 0


@pytest.mark.parametrize(
    ("file", "says"),
    [(io.StringIO("text"), "open as text"), (io.BytesIO(), "is empty"), (io.BytesIO(b"noise" * 99), "cannot be")],
)
def test_open_files_without_audio_are_one_error(file: object, says: str) -> None:
    with pytest.raises(UserError, match=f"the open file: .*{says}"):
        metric().score(file, file)  # type: ignore[arg-type]


def test_a_closed_file_is_one_error(tmp_path: Path) -> None:
    with write(tmp_path / "a.wav", music(1)).open("rb") as file:
        pass
    with pytest.raises(UserError, match=r"a\.wav: cannot be read"):
        metric().score(file, file)


@pytest.mark.parametrize("scale", [32_768, 2_147_483_648])
def test_samples_in_the_range_of_integers_are_refused(tmp_path: Path, scale: int) -> None:
    sound = music(1)
    whole = np.rint(sound[:, 0] * scale).astype(np.float32)
    with pytest.raises(UserError, match="where full scale is 1"):
        metric().score(sound, whole, sample_rate=RATE)
    with pytest.raises(UserError, match="where full scale is 1"):
        metric().score(write(tmp_path / "a.wav", whole, subtype="FLOAT"), sound, sample_rate=RATE)
    quiet = np.rint(sound * 8).astype(np.float32)
    with pytest.raises(UserError, match="where full scale is 1"):
        metric().score(quiet, sound, sample_rate=RATE)


def test_peaks_above_full_scale_are_scored() -> None:
    sound = music(1)
    assert metric().score(sound, 4 * sound, sample_rate=RATE).level_db == pytest.approx(12.04, abs=0.01)


def test_references_may_come_from_a_generator() -> None:
    sounds = [music(1, seed) for seed in range(3)]
    found = metric().score(sounds[0], references=(sound for sound in sounds), sample_rate=RATE)
    assert found.distance == metric().score(sounds[0], references=sounds, sample_rate=RATE).distance
    with pytest.raises(UserError, match="no clean references"):
        metric().score(sounds[0], references=iter(()), sample_rate=RATE)
