"""Scripts of tests/bench that compare raters and metrics with listeners, on listening tests made here."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from prep.synth import SAMPLE_RATE, compose
from tests.labels.benchmark.benchmarks import listening_test
from tests.sounds import write


def listening(folder: Path, *names: str) -> Path:
    """A folder of listening tests, each with ratings.csv and its audio."""
    for seed, name in enumerate(names):
        listening_test(folder / "made" / name, name, seed, items=4)
        shutil.copytree(folder / "made" / name / "in", folder / "listening" / name)
        (folder / "listening" / name / f"{name}.csv").rename(folder / "listening" / name / "ratings.csv")
    return folder / "listening"


def test_truth_judges_raters_on_the_tests_of_a_folder(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tests of one family and one of another, and a folder that holds none; a second run rates nothing anew."""
    from tests.bench import truth

    tests = listening(tmp_path, "one", "two", "three")
    (tests / "notes").mkdir()
    arguments = ["--listening", str(tests), "--out", str(tmp_path / "out"), "--resamples", "100"]
    families = ["--family", "one=codecs", "--family", "two=codecs"]
    monkeypatch.setattr(sys, "argv", ["truth", *arguments, *families, "--raters", "lsd,si-sdr", "--jobs", "1"])
    truth.main()
    printed = capsys.readouterr()
    assert "notes: left out" in printed.err
    assert printed.out.strip() == (tmp_path / "out" / "report" / "truth.md").read_text().strip()
    found = json.loads((tmp_path / "out" / "report" / "truth.json").read_text())
    report = json.loads((tmp_path / "out" / "report" / "report.json").read_text())
    pcc = {test["name"]: {r["rater"]: r["pcc"][0] for r in test["protocols"][0]["results"]} for test in report["tests"]}
    for rater in ("lsd", "si-sdr"):
        mean = ((pcc["one"][rater] + pcc["two"][rater]) / 2 + pcc["three"][rater]) / 2
        assert found["raters"][rater]["family_mean"] == pytest.approx(mean)
    other = {"lsd": "si-sdr", "si-sdr": "lsd"}[found["best"]]
    assert found["raters"][other]["behind_best"][0] == pytest.approx(
        found["raters"][found["best"]]["family_mean"] - found["raters"][other]["family_mean"]
    )
    before = sorted((tmp_path / "out").rglob("*.parquet"))
    truth.main()
    assert sorted((tmp_path / "out").rglob("*.parquet")) == before


def test_scores_without_a_reference_are_compared_with_listeners(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.bench import unreferenced_truth

    tests = listening(tmp_path, "one")
    arguments = ["--listening", str(tests), "--out", str(tmp_path / "out"), "--family", "one=codecs"]
    monkeypatch.setattr(sys, "argv", ["unreferenced_truth", *arguments])
    unreferenced_truth.main()
    printed = capsys.readouterr().out
    found = dict(re.findall(r"^\| (.*?) \| (−?[\d.]+|–)", printed.partition("SRCC")[0], re.MULTILINE))
    assert found["other tests"] == "–"
    assert found["condition only"] != "–"
    assert -1 <= float(found["packaged music"].replace("−", "-")) <= 1
    assert found["packaged music"] != found["other items"]


def test_recipes_are_compared_by_what_their_networks_hear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.bench import teachers

    for number in range(4):
        write(tmp_path / "music" / f"{number}.flac", compose(5, 4.0, number), SAMPLE_RATE)
    arguments = [
        "--music",
        str(tmp_path / "music"),
        "--listening",
        str(listening(tmp_path, "one")),
        "--out",
        str(tmp_path / "out"),
    ]
    monkeypatch.setattr(sys, "argv", ["teachers", *arguments, "--seeds", "1", "--steps", "2", "--quick"])
    teachers.main()
    printed = capsys.readouterr().out
    for name in (*teachers.RECIPES, "the core"):
        assert re.search(rf"\| {name} \| −?-?\d\.\d+ \| ", printed), printed
