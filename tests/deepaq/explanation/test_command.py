"""The command `deepaq explain`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from deepaq.cli import main
from tests.sounds import RATE, music, write


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    sound = music(2.0, seed=3)
    noise = 0.02 * np.random.default_rng(0).standard_normal(sound.shape).astype(np.float32)
    return [str(write(tmp_path / "r.wav", sound, RATE)), str(write(tmp_path / "d.wav", sound + noise, RATE))]


def test_it_prints_three_sentences_and_the_kinds(pair: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["explain", *pair, "--plot", str(tmp_path / "p.png")])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "of the difference" in lines[0]
    assert " added energy " in f"{lines[3]} "
    assert lines[3].endswith("without it")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_json_is_the_last_line(pair: list[str]) -> None:
    done = CliRunner().invoke(main, ["explain", *pair, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert sum(found["kinds"].values()) == pytest.approx(1)
    assert found["seconds"] == pytest.approx(2)
    assert len(found["sentences"]) == 3
    assert {"reference", "degraded", "mos", "mos_without", "thirds", "worst", "shares_by_second", "notes"} < set(found)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--plot", "p.svg"], "end the name in .png"),
        (["--plot", "nowhere/p.png"], "nowhere"),
    ],
)
def test_bad_arguments_are_one_line(pair: list[str], arguments: list[str], says: str) -> None:
    done = CliRunner().invoke(main, ["explain", *pair, *arguments])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_a_missing_file_is_one_line(pair: list[str]) -> None:
    done = CliRunner().invoke(main, ["explain", pair[0], "none.wav"])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: none.wav: ")
    assert len(done.stderr.splitlines()) == 1
