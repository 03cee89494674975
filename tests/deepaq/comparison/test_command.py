"""`deepaq compare`: decisions with a known answer, gates, baselines and bad input."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from deepaq.cli import main
from prep.distortions import distort
from prep.synth import SAMPLE_RATE, compose
from tests.sounds import write

FILES = 8


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def figures(result: Result) -> Any:
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Originals, and degraded folders: coarse and fine noise, and fine noise with one click in one file."""
    root = tmp_path_factory.mktemp("compare")
    for number in range(FILES):
        clean = compose(5, 5.0, number) / 2
        write(root / "originals" / f"{number}.flac", clean, SAMPLE_RATE)
        for name, severity in (("coarse", 3), ("fine", 1)):
            write(root / name / f"{number}.wav", distort(clean, SAMPLE_RATE, "noise", severity, seed=0), SAMPLE_RATE)
        clicked = distort(clean, SAMPLE_RATE, "noise", 1, seed=0)
        if number == 2:
            clicked[int(3.5 * SAMPLE_RATE) : int(3.5 * SAMPLE_RATE) + 30] += 0.5
        write(root / "click" / f"{number}.wav", clicked, SAMPLE_RATE)
    return root


def test_less_noise_is_better(folder: Path) -> None:
    result = compare(folder / "originals", folder / "coarse", folder / "fine", "--json", "--max-drop", 0.05)
    found = figures(result)
    assert result.exit_code == 0
    assert (found["verdict"], found["files"], found["wins"], found["losses"]) == ("better", FILES, FILES, 0)
    assert 0 < found["low"] < found["mean"] < found["high"]
    assert found["kbps"]["a"] == pytest.approx(found["kbps"]["b"], rel=0.01)
    assert found["bandwidth_hz"]["a"] > 20_000
    assert found["loudness"]["added"]["a"] > found["loudness"]["added"]["b"] > found["loudness"]["missing"]["b"]
    assert set(found) >= {"a", "b", "missing", "median", "ties", "p", "tail", "worst", "needed_files"}
    backwards = compare(folder / "originals", folder / "fine", folder / "coarse", "--json", "--max-drop", 0.05)
    assert figures(backwards)["verdict"] == "worse"
    assert backwards.exit_code == 1
    assert "the mean falls by" in backwards.stderr


def test_the_same_build_twice_is_not_told_apart(folder: Path) -> None:
    result = compare(folder / "originals", folder / "fine", folder / "fine", "--max-drop", 0, "--max-worst-drop", 0)
    assert result.exit_code == 0
    assert "are not told apart" in result.stdout
    assert re.search(r"added loudness +(\d+\.\d) -> \1 % of the original's", result.stdout)


def test_lists_give_the_same_figures_as_folders(folder: Path, tmp_path: Path) -> None:
    for side in ("fine", "click"):
        pairs = [f"{folder}/originals/{number}.flac,{folder}/{side}/{number}.wav" for number in range(FILES)]
        (tmp_path / f"{side}.csv").write_text("\n".join(["reference,degraded", *pairs]))
    lists = tmp_path / "fine.csv", tmp_path / "click.csv"
    assert figures(compare(lists[0], *lists, "--json")) == figures(
        compare(folder / "originals", folder / "fine", folder / "click", "--json")
    )


def test_one_click_fails_the_gates_of_the_worst_and_names_file_and_second(folder: Path) -> None:
    sides = folder / "originals", folder / "fine", folder / "click"
    assert compare(*sides, "--max-drop", 0.2).exit_code == 0
    for gate, limit in (("--max-tail-drop", 0.03), ("--max-worst-drop", 0.2)):
        result = compare(*sides, gate, limit, "--json")
        assert result.exit_code == 1
        place = figures(result)["worst"]
        assert place["file"] == "2"
        assert 2.4 < place["second"] <= 3.6
        assert f"{place['second']:g} s" in result.stderr
        assert "2" in result.stderr


def test_a_missing_file_fails_and_is_named(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "fine", tmp_path / "part")
    (tmp_path / "part" / "3.wav").unlink()
    shutil.copy(folder / "fine" / "0.wav", tmp_path / "part" / "other.wav")
    (tmp_path / "part" / "1.wav").write_bytes(b"no audio")
    result = compare(folder / "originals", folder / "coarse", tmp_path / "part", "--json")
    assert result.exit_code == 1
    for words in ("holds no file for 3", "other.wav: no original has its name", "1.wav"):
        assert words in result.stderr
    assert figures(result)["files"] == FILES - 2
    assert len(figures(result)["missing"]) == 3


def test_a_baseline_gives_the_same_figures(folder: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "scores.json"
    assert compare(folder / "originals", folder / "coarse", "--save-baseline", baseline).exit_code == 0
    direct = figures(compare(folder / "originals", folder / "coarse", folder / "fine", "--json"))
    kept = figures(compare(folder / "originals", folder / "fine", "--baseline", baseline, "--json"))
    assert kept == direct


@pytest.mark.parametrize("changed", ["original", "metric", "level", "json", "format"])
def test_a_baseline_that_does_not_fit_is_refused(folder: Path, tmp_path: Path, changed: str) -> None:
    baseline = tmp_path / "scores.json"
    shutil.copytree(folder / "originals", tmp_path / "originals")
    assert compare(tmp_path / "originals", folder / "coarse", "--save-baseline", baseline).exit_code == 0
    options: list[object] = []
    content = json.loads(baseline.read_text())
    match changed:
        case "original":
            write(tmp_path / "originals" / "0.flac", compose(6, 5.0), SAMPLE_RATE)
        case "metric":
            baseline.write_text(json.dumps(content | {"fingerprint": "0" * 64}))
        case "level":
            options = ["--keep-level"]
        case "json":
            baseline.write_text(baseline.read_text()[:-40])
        case "format":
            baseline.write_text(json.dumps(content | {"format": 99}))
    result = compare(tmp_path / "originals", folder / "fine", "--baseline", baseline, *options)
    assert result.exit_code == 2
    assert str(baseline) in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_markdown_and_page_are_written(folder: Path, tmp_path: Path) -> None:
    arguments = folder / "originals", folder / "fine", folder / "click", folder / "coarse"
    result = compare(
        *arguments, "--markdown", tmp_path / "a.md", "--page", tmp_path / "a.html", "--max-worst-drop", 0.2
    )
    assert result.exit_code == 1
    words = (tmp_path / "a.md").read_text()
    assert words.count("| mean change |") == words.count("| bandwidth |") == 2
    assert "**Failed**" in words
    page = (tmp_path / "a.html").read_text()
    assert page.count("<h2>") == page.count("<th>bandwidth</th>") == 2
    assert page.count("<audio") == 2 * 3 * 3
    assert "://" not in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["originals", "fine"], "name two sides"),
        (["originals", "fine", "nothing"], "nothing: is no folder"),
        (["originals", "fine", "coarse", "--max-drop", "-1"], "--max-drop -1: give a drop in MOS"),
        (["originals", "fine", "coarse", "--max-worst-drop", "nan"], "--max-worst-drop nan"),
        (["originals", "fine", "--baseline", "none.json"], "none.json: cannot be read"),
        (["originals", "fine", "coarse", "--page", "no/where.html"], "--page no/where.html"),
    ],
)
def test_bad_input_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str) -> None:
    monkeypatch.chdir(folder)
    result = compare(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_files_of_one_folder_are_one_track(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(4):
        clean = 0.1 * rng.standard_normal((SAMPLE_RATE, 2))
        name = f"{'ab'[number // 2]}/{number}.wav"
        write(tmp_path / "o" / name, clean, SAMPLE_RATE)
        for side, amount in (("x", 0.01), ("y", 0.001)):
            write(tmp_path / side / name, clean + amount * rng.standard_normal(clean.shape), SAMPLE_RATE)
    result = compare(tmp_path / "o", tmp_path / "x", tmp_path / "y", "--json", "--max-drop", 0.1)
    assert figures(result)["low"] is None
    assert figures(result)["verdict"] == "too little data"
    assert result.exit_code == 1
