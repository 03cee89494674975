"""Clips that are cut from tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepaq.audio import read
from manifests import schema
from manifests.dataset import Dataset
from prep.transcode import Settings, transcode
from tests.sounds import RATE, music, write


@pytest.mark.parametrize(
    ("seconds", "frames"), [(1.9, []), (2.5, [2.5]), (3.0, [3.0]), (4.9, [3.0]), (5.0, [3.0, 2.0]), (6.5, [3.0, 3.0])]
)
def test_tracks_are_cut_into_clips_and_a_rest_of_two_seconds_or_more(
    tmp_path: Path, seconds: float, frames: list[float]
) -> None:
    write(tmp_path / "a.wav", music(seconds))
    result = transcode([tmp_path / "a.wav"], tmp_path / "data", Settings(("opus",), (64,), 3, jobs=1, quiet=True))
    cut = [row for row in Dataset(tmp_path / "data").references().to_pylist() if row["status"] == schema.OK]
    assert sorted(row["frames"] / RATE for row in cut) == sorted(frames)
    assert result["skipped"] == (0 if frames else 1)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_layout_becomes_cd_quality(tmp_path: Path, rate: int, channels: int) -> None:
    write(tmp_path / "a.wav", music(2.5, rate=rate, channels=channels), rate, "PCM_24")
    wanted = Settings(("opus",), (64,), 10, allow_lossy=True, jobs=1, quiet=True)
    assert transcode([tmp_path / "a.wav"], tmp_path / "data", wanted)["ok"] == 1
    (row,) = Dataset(tmp_path / "data").references().to_pylist()
    assert abs(row["frames"] - 2.5 * RATE) <= 1
    assert (row["sample_rate"], row["channels"]) == (RATE, 2)


def test_silence_is_skipped_with_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a.wav", np.concatenate([music(3), np.zeros((3 * RATE, 2), np.float32), music(3, 1)]))
    result = transcode([tmp_path / "a.wav"], tmp_path / "data", Settings(("mp3",), (64,), 3, jobs=1, quiet=True))
    assert (result["references"], result["skipped"], result["failed"]) == (2, 1, 0)
    (row,) = [row for row in Dataset(tmp_path / "data").references().to_pylist() if row["status"] == schema.SKIPPED]
    assert "silent from 3 s" in row["error"]
    assert f"skipped: {row['error']}" in capsys.readouterr().err


def test_samples_above_full_scale_are_kept(tmp_path: Path) -> None:
    loud = 3 * music(2)
    write(tmp_path / "a.wav", loud, subtype="FLOAT")
    result = transcode([tmp_path / "a.wav"], tmp_path / "data", Settings(("opus",), (128,), 2, jobs=1, quiet=True))
    assert result["ok"] == 1
    (row,) = Dataset(tmp_path / "data").references().to_pylist()
    np.testing.assert_array_equal(read(tmp_path / "data" / row["path"]).samples, loud)
