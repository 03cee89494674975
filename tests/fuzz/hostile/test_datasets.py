"""A hostile data set: no command reads or writes outside the given folders, and none fails but with a clear line."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from manifests.cli import main
from manifests.limits import size
from tests.fuzz.hostile.datasets import CASES, SECRET, sound_data_set
from tests.fuzz.hostile.outcome import check, contents

LONGEST_S = 30  # of all commands on one data set, on a machine that is busy with other things


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sound_data_set(tmp_path_factory.mktemp("sound"))


def commands(data: Path, sound: Path, out: Path) -> list[list[str]]:
    return [
        ["check", str(data), "--deep"],
        ["show", str(data)],
        ["show", str(data), "--json"],
        ["diff", str(sound), str(data)],
        ["export", str(data), "--croissant"],
        ["export", str(data), "--webdataset", "--out", str(out / "shards")],
        ["export", str(data), "--datasets", "--out", str(out / "view")],
        ["report", str(data), "--out", str(out / "report.html")],
        ["compact", str(data)],
    ]


def test_the_sound_data_set_passes_every_command(sound: Path, tmp_path: Path) -> None:
    shutil.copytree(sound, tmp_path / "data")
    (tmp_path / "out").mkdir()
    for command in commands(tmp_path / "data", sound, tmp_path / "out"):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, f"{command}: {result.output}"


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_data_set_does_no_harm(name: str, sound: Path, tmp_path: Path) -> None:
    data, outside, out = tmp_path / "data", tmp_path / "outside", tmp_path / "out"
    shutil.copytree(sound, data)
    outside.mkdir()
    out.mkdir()
    (outside / "secret.txt").write_text(SECRET)
    (outside / "secret").write_text(SECRET)
    (outside / "other.parquet").write_bytes(next(sound.rglob("references/*.parquet")).read_bytes())
    CASES[name](data)
    before, began = contents(outside), time.monotonic()
    for command in commands(data, sound, out):
        result = CliRunner().invoke(main, command)
        check(result, command)
    assert contents(outside) == before
    assert {path.name for path in tmp_path.iterdir()} == {"data", "outside", "out"}
    written = contents(out)
    assert not any(SECRET.encode() in content for content in written.values())
    assert b"<script" not in written.get("report.html", b"")
    assert time.monotonic() - began < LONGEST_S


def test_what_check_finds_is_named_with_its_file(sound: Path, tmp_path: Path) -> None:
    shutil.copytree(sound, tmp_path / "data")
    CASES["split '..'"](tmp_path / "data")
    CASES["value nan"](tmp_path / "data")
    result = CliRunner().invoke(main, ["check", str(tmp_path / "data")])
    lines = result.stderr.splitlines()
    assert (result.exit_code, len(lines)) == (1, 2)
    assert "references" in lines[0]
    assert "split '..' is none of train, valid, test" in lines[0]
    assert "value nan is not a number" in lines[1]


def test_a_small_file_that_claims_many_rows_is_not_read(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "MOST_ROWS", 1)
    result = CliRunner().invoke(main, ["show", str(sound)])
    assert result.exit_code == 2
    assert "claims 2 rows" in result.stderr
