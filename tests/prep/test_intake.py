"""Notes on what a run cannot give: hours that the music lacks, empty splits, clips of several lengths."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from manifests.dataset import Dataset
from manifests.split import split_of
from prep.cli import main
from prep.coding import ffmpeg
from prep.references.existing import References
from prep.transcode import Settings, transcode
from tests.sounds import music, write

QUICK = ["--codecs", "opus", "--bitrates", "64", "--clip", "2", "--jobs", "1", "--quiet"]


def noted(*arguments: object) -> str:
    run = CliRunner().invoke(main, ["transcode", *map(str, arguments)], catch_exceptions=False)
    assert run.exit_code == 0, run.stderr
    return run.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tracks, both in training by their content."""
    from manifests.ids import track_id

    seeds = (seed for seed in range(99))
    while len(list((tmp_path / "music").glob("*"))) < 2:
        path = write(tmp_path / "music" / "next.wav", music(3, next(seeds)))
        path.rename(path.with_stem(track_id(path))) if split_of(track_id(path)) == "train" else path.unlink()
    return tmp_path / "music"


@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_music_of_fewer_hours_than_asked_for_is_warned_of(folder: Path, dry: list[str]) -> None:
    lines = noted(folder, "--out", folder.parent / "data", *QUICK, "--hours", "1,0.5", *dry)
    assert "--hours asks for 1 h of train, this music has 0.00167 h" in lines
    assert "--hours asks for 0.5 h of valid, this music has 0 h" in lines


def test_a_plan_for_the_paper_warns_of_too_little_music(folder: Path) -> None:
    lines = noted(folder, "--out", folder.parent / "data", *QUICK, "--plan", "paper", "--dry-run")
    assert "asks for 45 h of train" in lines
    assert "asks for 8 h of valid" in lines


def test_music_of_enough_hours_is_not_warned_of(folder: Path) -> None:
    without = ["--hours", "0.001", "--valid-share", 0]
    assert "--hours" not in noted(folder, "--out", folder.parent / "data", *QUICK, *without)


@pytest.mark.parametrize(("share", "split"), [(0.2, "valid"), (0.9999999, "train"), (0, None)])
def test_an_empty_split_is_warned_of_unless_it_was_asked_for(folder: Path, share: float, split: str | None) -> None:
    lines = noted(folder, "--out", folder.parent / "data", *QUICK, "--valid-share", share, "--dry-run")
    assert lines.count("is in the split") == (split is not None)  # once, not from the calibration, too
    if split:
        assert f"none of the 2 tracks is in the split {split}" in lines


def test_clips_of_another_length_than_earlier_ones_are_warned_of(folder: Path) -> None:
    out = folder.parent / "data"
    assert "overlap" not in noted(folder, "--out", out, *QUICK)
    for dry in (["--dry-run"], []):
        lines = noted(folder, "--out", out, *QUICK, "--clip", 3, *dry)
        assert "cut into clips of 2 s before; clips of 3 s are added" in lines
    assert "clips of 3 s before; clips of 2 s" in noted(folder, "--out", out, *QUICK)


def test_the_references_table_is_read_once_and_after_cutting_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    original = References.read

    def read(dataset: Dataset | None) -> References:
        reads.append(dataset)
        return original(dataset)

    monkeypatch.setattr(References, "read", read)
    wanted = Settings(("opus",), (64,), 2, jobs=1, quiet=True)
    for expected in (2, 3):  # a first run, and one with nothing to do
        transcode([folder], folder.parent / "data", wanted)
        assert len(reads) == expected


def test_a_hanging_ffmpeg_is_stopped_and_becomes_a_failed_row(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fingerprint, too, has a time limit."""
    slow = tmp_path / "slow-ffmpeg"
    slow.write_text(f'#!/bin/sh\ncase "$*" in *fp_format*raw*) exec sleep 60;; esac\nexec {ffmpeg.executable()} "$@"\n')
    slow.chmod(0o755)
    original = ffmpeg.output
    monkeypatch.setattr(ffmpeg, "executable", lambda: str(slow))
    monkeypatch.setattr(
        ffmpeg, "output", lambda arguments, timeout=30, stdin=b"": original(arguments, min(timeout, 1), stdin)
    )
    began = time.monotonic()
    result = transcode([folder], folder.parent / "data", Settings(("opus",), (64,), 2, jobs=1, quiet=True))
    assert (result["ok"], result["failed"]) == (0, 2)
    assert all("took longer than 1 s" in line for line in result["errors"])
    assert time.monotonic() - began < 50


def test_every_run_of_a_program_has_a_time_limit() -> None:
    root = Path(__file__).parents[2] / "prep"
    calls = [
        (path.name, line)
        for path in root.rglob("*.py")
        for line in path.read_text().splitlines()
        if "subprocess.run(" in line
    ]
    assert calls
    assert all("timeout=" in line for _, line in calls)
