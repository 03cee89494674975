"""Further runs on one data set: no copy in another split, nothing taken away, what is gone or was cured made again."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from deepaq.errors import UserError
from manifests import schema
from manifests.check import problems
from manifests.dataset import Dataset
from manifests.report.summary import summarise
from prep.tracks import fingerprint
from prep.transcode import Settings, transcode
from tests.sounds import RATE, music, write

WANTED = Settings(("opus",), (64,), 4, jobs=1, quiet=True)
AGAIN = replace(WANTED, retry_failed=True)


def references(data: Path, *columns: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = Dataset(data).references(list(columns) or None).to_pylist()
    return sorted((row for row in rows if row["status"] == schema.OK), key=lambda row: row["reference_id"])


def test_a_data_set_inside_the_music_folder_is_not_read_as_music(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "music" / "a.wav", music(4))
    for out in (tmp_path / "music" / "data", tmp_path / "music" / "data", tmp_path / "music"):
        result = transcode([tmp_path / "music"], out, WANTED)
        assert (result["references"], result["ok"], result["left_out"]) == (1, 1, {})
    assert transcode([tmp_path / "music"], tmp_path / "music", WANTED)["references"] == 1
    with pytest.raises(UserError, match="no audio files found"):
        transcode([tmp_path / "music" / "data"], tmp_path / "other", WANTED)


def test_a_copy_of_what_is_in_the_data_set_is_not_taken_by_a_later_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not fingerprint.available():
        pytest.skip("this ffmpeg has no Chromaprint")
    sound = music(8, 1)
    write(tmp_path / "one" / "a.wav", sound)
    transcode([tmp_path / "one"], tmp_path / "data", WANTED)
    before = references(tmp_path / "data")
    write(tmp_path / "two" / "copy.flac", 0.5 * sound)
    write(tmp_path / "two" / "other.wav", music(4, 2))
    result = transcode([tmp_path / "two"], tmp_path / "data", WANTED)
    assert (result["references"], result["left_out"]) == (1, {"duplicate": 1})
    assert "copy.flac: is the same recording as" in capsys.readouterr().err
    assert [row for row in references(tmp_path / "data") if row in before] == before
    # Existing tracks are continued, whatever copies there are.
    assert transcode([tmp_path / "one"], tmp_path / "data", WANTED)["references"] == 2


def test_a_file_with_other_tags_goes_on_as_the_track_that_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "music" / "a.flac", music(8, 1))
    transcode([tmp_path / "music"], tmp_path / "data", WANTED)
    before = references(tmp_path / "data")
    soundfile.write(path, soundfile.read(path)[0], RATE, compression_level=0)
    result = transcode([tmp_path / "music"], tmp_path / "data", replace(WANTED, bitrates=(64, 96)))
    assert (result["references"], result["ok"], result["left_out"]) == (2, 4, {})
    assert references(tmp_path / "data") == before


def test_a_clip_stays_with_the_track_that_had_it_first(tmp_path: Path) -> None:
    shared = music(4, 1)
    write(tmp_path / "a.wav", np.concatenate([shared, music(9, 2)]))
    write(tmp_path / "b.wav", np.concatenate([shared, music(13, 3)]))
    transcode([tmp_path / "a.wav"], tmp_path / "data", WANTED)
    before = references(tmp_path / "data")
    result = transcode([tmp_path / "b.wav"], tmp_path / "data", replace(WANTED, allow_lossy=True))
    assert (result["references"], result["skipped"]) == (3, 1)
    assert [row for row in references(tmp_path / "data") if row in before] == before
    rows = Dataset(tmp_path / "data").references().to_pylist()
    (skipped,) = [row["error"] for row in rows if row["status"] == schema.SKIPPED]
    assert skipped.endswith("b.wav: another track has the same samples as this one from 0 s")


def test_a_track_keeps_its_split_whatever_share_is_asked_for_later(tmp_path: Path) -> None:
    for seed in range(4):
        write(tmp_path / "music" / f"{seed}.wav", music(6, seed))
    for wanted in (replace(WANTED, valid_share=0), replace(WANTED, valid_share=0.99, clip_s=3)):
        transcode([tmp_path / "music"], tmp_path / "data", wanted)
        assert list(problems(Dataset(tmp_path / "data"))) == []
    assert {row["split"] for row in references(tmp_path / "data")} == {"train"}


def test_clips_of_one_length_are_not_taken_away_by_another(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", music(7))
    for clip_s in (10, 8, 4, 10, 8, 4):
        result = transcode([tmp_path / "a.wav"], tmp_path / "data", replace(WANTED, clip_s=clip_s))
        assert result["ok"] == (2 if clip_s == 4 else 1)
    assert result["audio_seconds"] == 0
    assert len(references(tmp_path / "data")) == 4
    assert list(problems(Dataset(tmp_path / "data"), deep=True)) == []


def test_an_exclusion_may_lie_in_the_music(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(2):
        write(tmp_path / "music" / f"{seed}.wav", music(4, seed))
    without = replace(WANTED, exclude=(tmp_path / "music" / "1.wav",))
    result = transcode([tmp_path / "music"], tmp_path / "data", without)
    assert (result["references"], result["failed"], result["left_out"]) == (1, 0, {"excluded": 1})
    transcode([tmp_path / "music"], tmp_path / "data", WANTED)
    capsys.readouterr()
    transcode([tmp_path / "music"], tmp_path / "data", without)
    assert "which is excluded; it is already in the data set and stays there" in capsys.readouterr().err
    assert len(references(tmp_path / "data")) == 2


@pytest.mark.parametrize("name", ["banned.csv", "truncated.wav"])
def test_an_exclusion_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path / "music" / "a.wav", music(4))
    (tmp_path / name).write_bytes(write(tmp_path / "b.wav", music(4, 1)).read_bytes()[:-9000])
    if name == "banned.csv":
        (tmp_path / name).write_text("a\n")
    with pytest.raises(UserError, match=f"{name}: .*it cannot be excluded"):
        transcode([tmp_path / "music"], tmp_path / "data", replace(WANTED, exclude=(tmp_path / name,)))


def test_a_track_that_can_be_read_again_no_longer_counts_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "music" / "a.wav", music(4))
    write(tmp_path / "music" / "b.wav", music(4, 1))
    with monkeypatch.context() as then:
        then.setattr(os, "access", lambda name, mode: Path(name) != path)  # root may read everything
        assert transcode([tmp_path / "music"], tmp_path / "data", WANTED)["failed"] == 1
    result = transcode([tmp_path / "music"], tmp_path / "data", AGAIN)
    assert (result["ok"], result["failed"], result["errors"]) == (2, 0, [])
    assert summarise(Dataset(tmp_path / "data"))["tables"]["references"]["failed"] == 0


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:100])])
@pytest.mark.parametrize("table", ["references", "degraded"])
def test_a_file_that_is_gone_or_cut_short_is_made_again(
    tmp_path: Path, table: str, damage: Callable[[Path], object]
) -> None:
    write(tmp_path / "a.wav", music(7))
    data = Dataset(tmp_path / "data", create=True)
    transcode([tmp_path / "a.wav"], data.root, WANTED)
    row = data.table(schema.TABLES[table]).to_pylist()[0]
    kept = data.path(row["path"]).read_bytes()
    damage(data.path(row["path"]))
    assert "--retry-failed` makes it again" in "\n".join(problems(data, deep=True))
    result = transcode([tmp_path / "a.wav"], data.root, AGAIN)
    assert (result["ok"], result["failed"]) == (2, 0)
    assert (result["audio_seconds"] == 0) == (table == "references")
    assert data.path(row["path"]).read_bytes() == kept
    assert list(problems(data, deep=True)) == []
    assert transcode([tmp_path / "a.wav"], data.root, AGAIN)["audio_seconds"] == 0


def test_a_damaged_reference_makes_no_versions(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 3 * music(4), subtype="FLOAT")
    data = Dataset(tmp_path / "data", create=True)
    transcode([tmp_path / "a.wav"], data.root, WANTED)
    (reference,) = references(data.root)
    content = bytearray(data.path(reference["path"]).read_bytes())
    content[RATE] ^= 1
    data.path(reference["path"]).write_bytes(content)
    result = transcode([tmp_path / "a.wav"], data.root, replace(WANTED, codecs=("opus", "mp3")))
    assert (result["ok"], result["failed"]) == (1, 1)
    assert "differs from its checksum; delete it" in result["errors"][0]
    data.path(reference["path"]).unlink()
    assert transcode([tmp_path / "a.wav"], data.root, replace(AGAIN, codecs=("opus", "mp3")))["ok"] == 2
