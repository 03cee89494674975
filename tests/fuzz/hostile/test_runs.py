"""Hostile run folders: no command reads or writes outside the given folders or fails but with a clear line."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

import deepaq.cli
import training.cli
from tests.fuzz.hostile.datasets import SECRET
from tests.fuzz.hostile.guard import guarded
from tests.fuzz.hostile.outcome import check, contents
from tests.fuzz.hostile.runs import CASES, sound_run
from tests.sounds import music, write

DEEPAQ, TRAINING = deepaq.cli.main, training.cli.main


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound run with two files to score beside it."""
    root = tmp_path_factory.mktemp("sound")
    for name, seed in (("reference", 1), ("degraded", 2)):
        write(root / f"{name}.wav", music(1.0, seed), 44_100)
    return sound_run(root)


def commands(run: Path, sound: Path, out: Path) -> list[tuple[click.Group, list[str]]]:
    model = ["--model", str(run)]
    sounds = [str(sound.parent / f"{name}.wav") for name in ("reference", "degraded")]
    return [
        (DEEPAQ, ["info", *model]),
        (DEEPAQ, ["info", *model, "--json"]),
        (DEEPAQ, ["score", *sounds, *model]),
        (TRAINING, ["compare", str(run)]),
        (TRAINING, ["compare", str(run), "--out", str(out / "table.html")]),
        (TRAINING, ["export", str(run), "--out", str(out / "export")]),
        (TRAINING, ["fit", str(out / "none"), "--out", str(run), "--resume", "--dry-run"]),
    ]


def test_the_sound_run_passes_every_command(sound: Path, tmp_path: Path) -> None:
    for group, command in commands(sound, sound, tmp_path)[:-1]:
        result = CliRunner().invoke(group, command)
        assert result.exit_code == 0, f"{command}: {result.output}"


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_run_does_no_harm(name: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPAQ_MERT", str(tmp_path / "none"))  # in place of the hub
    run, outside, out = tmp_path / "run", tmp_path / "outside", tmp_path / "out"
    shutil.copytree(sound, run)
    for folder in (outside, out):
        folder.mkdir()
    (outside / "secret.txt").write_text(SECRET)
    (outside / "secret.json").write_text(f'{{"format": 1, "backbone": "{SECRET}"}}')
    save_file({"secret": torch.ones(3)}, outside / "other.safetensors")
    CASES[name](run)
    before = contents(outside)
    for group, command in commands(run, sound, out):
        with guarded(outside):
            result = CliRunner().invoke(group, command)
        check(result, command)
    assert contents(outside) == before
    assert {path.name for path in tmp_path.iterdir()} == {"run", "outside", "out"}
    written = contents(out)
    assert not any(SECRET.encode() in content for content in written.values())
    assert b"<script" not in written.get("table.html", b"")
