"""`labels compare`: the codecs of a data set as sides."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from labels.cli import main
from labels.codecs.sides import sides
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import write_fragment
from tests.labels.codecs.conftest import TRACKS


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def rows(data: Path, condition: str) -> list[dict[str, Any]]:
    return [row for row in Dataset(data).degraded().to_pylist() if row["condition"] == condition]


@pytest.fixture
def copy(coded: Path, tmp_path: Path) -> Path:
    shutil.copytree(coded, tmp_path / "data")
    return tmp_path / "data"


def test_the_higher_bitrate_is_better(coded: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "scores.json"
    result = compare(coded, "mp3@24", "mp3@96", "--json", "--max-drop", 0, "--markdown", tmp_path / "a.md")
    found = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 0
    assert (found["a"], found["b"], found["verdict"], found["files"]) == ("mp3@24", "mp3@96", "better", TRACKS)
    assert found["kbps"] == {"a": pytest.approx(24, rel=0.2), "b": pytest.approx(96, rel=0.2)}
    assert found["bandwidth_hz"]["a"] < found["bandwidth_hz"]["b"]
    assert found["worst"]["file"].startswith("track ")
    assert "better than mp3" in (tmp_path / "a.md").read_text()
    assert compare(coded, "mp3@96", "--save-baseline", baseline).exit_code == 0
    worse = compare(coded, "mp3-024", "--baseline", baseline, "--max-drop", 0)
    assert worse.exit_code == 1
    assert "mp3-024 is worse than mp3@96" in worse.stdout


def test_the_clips_of_a_track_are_one_track(coded: Path) -> None:
    clean, found = sides(Dataset(coded), ["opus@24", "opus-096"])
    assert len(clean.files) == len(set(clean.tracks.values())) == TRACKS
    assert [side.name for side in found] == ["opus@24", "opus-096"]
    assert all(set(side.files) == set(clean.files) and not side.problems for side in found)


def test_missing_damaged_and_failed_clips_fail_and_are_named(copy: Path) -> None:
    first, second, third, *_ = rows(copy, "mp3-096")
    (copy / first["path"]).write_bytes(b"damaged")
    (copy / second["path"]).unlink()
    failed = third | {"status": schema.FAILED, "error": "no encoder", "path": None, "sha256": None}
    for path in (copy / "degraded").rglob("*.parquet"):
        path.unlink()
    write_fragment(copy / "degraded", schema.DEGRADED, [first, second, failed], {})
    found = sides(Dataset(copy), ["mp3@96"])[1][0]
    assert len(found.problems) == 3
    for words in (first["path"], second["path"], "no encoder"):
        assert any(words in line for line in found.problems)


def test_clips_without_a_row_fail_the_comparison(coded: Path, copy: Path) -> None:
    every = Dataset(copy).degraded().to_pylist()
    for path in (copy / "degraded").rglob("*.parquet"):
        path.unlink()
    lacking = rows(coded, "mp3-096")[:2]
    write_fragment(copy / "degraded", schema.DEGRADED, [row for row in every if row not in lacking], {})
    result = compare(copy, "mp3@48", "mp3@96")
    assert result.exit_code == 1
    assert f"mp3@96: has no clip for 2 of {TRACKS}, such as track " in result.stderr


def test_builds_of_one_codec_are_told_apart_by_their_id(copy: Path) -> None:
    new = [
        row | {"degraded_id": f"{row['degraded_id'][:-1]}x", "condition_id": "feed" * 6, "encoder": "build 2"}
        for row in rows(copy, "mp3-096")
    ]
    write_fragment(copy / "degraded", schema.DEGRADED, new, {})
    old = rows(copy, "mp3-096")[0]["condition_id"]
    refused = compare(copy, "mp3@48", "mp3@96")
    assert refused.exit_code == 2
    assert "mp3@96#feedfeed (build 2)" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    both = compare(copy, f"mp3@96#{old[:8]}", "mp3@96#feed")
    assert both.exit_code == 0
    assert "are not told apart" in both.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mp3@48"], "name two sides"),
        (["mp3@48", "mp3@50"], "has no mp3@50; it has mp3@24, mp3@48, mp3@96, opus@24"),
        (["mp3@48", "mp3@x"], "has no mp3@x"),
        (["mp3@48", "mp3@96#0000"], "has no mp3@96#0000"),
    ],
)
def test_bad_input_is_one_line(coded: Path, arguments: list[str], words: str) -> None:
    result = compare(coded, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
