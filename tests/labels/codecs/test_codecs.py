"""`labels codecs` on a small data set that real encoders coded and the packaged metric rated."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from labels.cli import main
from labels.codecs import chart
from labels.codecs.points import judged
from labels.codecs.report import RESULTS
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import write_fragment
from tests.labels.codecs.conftest import BITRATES, TRACKS

Row = dict[str, Any]


def codecs(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["codecs", *map(str, arguments), "--resamples", "100"])


def change(data: Path, edit: Callable[[Row], Row | None]) -> None:
    """Rewrite the table of degraded clips; rows for which `edit` gives None are dropped."""
    rows = Dataset(data).degraded().to_pylist()
    for path in (data / "degraded").rglob("*.parquet"):
        path.unlink()
    write_fragment(data / "degraded", schema.DEGRADED, [row for old in rows if (row := edit(old))], {})


@pytest.fixture
def copy(coded: Path, tmp_path: Path) -> Path:
    shutil.copytree(coded, tmp_path / "data")
    return tmp_path / "data"


def test_figures_are_those_of_the_tables(coded: Path) -> None:
    result = codecs(coded, "--rater", "deepaq-fr", "--at", 3.0, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout.splitlines()[-1])
    (one,) = found["raters"]
    assert (one["scale"], one["higher_is_better"], one["tracks"]) == ("MOS", True, TRACKS)
    labels = {row["degraded_id"]: row for row in Dataset(coded).labels("deepaq-fr").to_pylist()}
    for curve in one["curves"]:
        assert [point["asked_kbps"] for point in curve["points"]] == list(BITRATES)
        for point in curve["points"]:
            rows = [
                row
                for row in Dataset(coded).degraded().to_pylist()
                if (row["codec"], row["bitrate_kbps"]) == (curve["codec"], point["asked_kbps"])
            ]
            mos = [dict(labels[row["degraded_id"]]["extras"])["mos"] for row in rows]
            value, low, high = point["value"]
            assert value == pytest.approx(np.mean(mos))
            assert low < value < high
            assert point["kbps"] == pytest.approx(np.mean([row["actual_kbps"] for row in rows]))
    (pair,) = one["pairs"]
    assert {pair["a"], pair["b"]} == {"mp3", "opus"}
    assert pair["bd_rate"][1] < pair["bd_rate"][0] < pair["bd_rate"][2]
    assert {row["codec"] for row in one["at"]} == {"mp3", "opus"}
    assert found["errors"] == found["disagreements"] == []


def test_text_names_what_is_asked(coded: Path) -> None:
    result = codecs(coded, "--rater", "deepaq-fr", "--rater", "log-mel", "--at", 4.9)
    assert result.exit_code == 0
    for words in ("deepaq-fr (MOS, higher is better)", "lower is better)", "BD-rate", "only ", "rests on 3 points"):
        assert words in result.stdout


def test_report_is_written_whole(coded: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert codecs(coded, "--rater", "deepaq-fr", "--out", out).exit_code == 0
    assert {path.name for path in out.iterdir()} == {"report.html", "report.md", "report.json", "results.csv"}
    page = (out / "report.html").read_text()
    assert page.count("<polyline") == 2
    assert page.count("<circle") == 2 * len(BITRATES)
    assert "://" not in page.replace("http://www.w3.org", "")
    assert "| opus | 24 |" in (out / "report.md").read_text()
    rows = list(csv.reader((out / "results.csv").open()))
    assert rows[0] == RESULTS
    assert all(len(row) == len(RESULTS) for row in rows)
    assert [row[2] for row in rows].count("value") == 2 * len(BITRATES)
    assert json.loads((out / "report.json").read_text())["raters"][0]["rater"] == "deepaq-fr"


@pytest.mark.parametrize(("low", "high", "count"), [(4.8, 7.2, 3), (6.0, 7.1, 3), (6.25, 6.8, 3), (6.38, 6.78, 2)])
def test_the_axis_of_bitrates_has_labels_within_its_ends(low: float, high: float, count: int) -> None:
    per, first, labels = chart.labels_between(low, high)
    assert len(labels) == count
    places = [(first + place) / per for place in range(count)]
    assert low <= places[0] <= places[-1] <= high
    assert [float(label) for label in labels] == pytest.approx([2**place for place in places], rel=0.01)


def test_ratings_of_listeners_judge_too(copy: Path, tmp_path: Path) -> None:
    rows = Dataset(copy).degraded().to_pylist()
    ratings = [(row["degraded_id"], 20 + row["actual_kbps"] / 2 + i, f"p{i}") for row in rows for i in range(3)]
    with (tmp_path / "ratings.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("degraded_id", "score", "listener"), *ratings])
    assert (
        CliRunner().invoke(main, ["import", "csv", str(tmp_path / "ratings.csv"), "--out", str(copy), "-q"]).exit_code
        == 0
    )
    result = codecs(copy, "--rater", "listeners", "--json")
    assert result.exit_code == 0
    (one,) = json.loads(result.stdout.splitlines()[-1])["raters"]
    assert (one["scale"], one["higher_is_better"]) == ("MUSHRA", True)
    point = one["curves"][0]["points"][0]
    assert point["value"][0] == pytest.approx(21 + point["kbps"] / 2)


def test_clips_that_lack_a_bitrate_are_counted_and_left_out(copy: Path) -> None:
    first = min(row["reference_id"] for row in Dataset(copy).references().to_pylist())
    change(copy, lambda row: None if (row["reference_id"], row["condition"]) == (first, "mp3-096") else row)
    found = judged(Dataset(copy), "deepaq-fr")
    assert found.notes == (f"1 of {TRACKS} clips lack a bitrate of a codec and do not count",)
    assert len(found.points.tracks) == TRACKS - 1
    assert not judged(Dataset(copy), "deepaq-fr", ["opus"]).notes


def test_failures_are_listed_and_fail_the_command(copy: Path) -> None:
    rows = Dataset(copy).degraded().to_pylist()
    clip = next(row["degraded_id"] for row in rows if row["condition"] == "opus-048")
    failed = {"status": schema.FAILED, "error": "too loud", "value": None}
    labels = [
        row | (failed if row["degraded_id"] == clip else {}) for row in Dataset(copy).labels("log-mel").to_pylist()
    ]
    shutil.rmtree(copy / "labels" / "rater=log-mel")
    write_fragment(copy / "labels" / "rater=log-mel", schema.LABELS, labels, {})
    result = codecs(copy, "--rater", "log-mel")
    assert result.exit_code == 1
    assert f"error: log-mel: opus-048 {clip}: too loud" in result.stderr
    assert f"1 of {TRACKS} clips lack a bitrate of a codec and do not count" in result.stdout
    assert codecs(copy, "--rater", "log-mel", "--codecs", "mp3").exit_code == 0


def test_clips_that_nobody_rated_are_counted(copy: Path) -> None:
    kept = Dataset(copy).labels("log-mel").to_pylist()[3:]
    shutil.rmtree(copy / "labels" / "rater=log-mel")
    write_fragment(copy / "labels" / "rater=log-mel", schema.LABELS, kept, {})
    assert "3 coded clips are not rated by log-mel" in codecs(copy, "--rater", "log-mel").stdout


def test_classes_of_content_have_bd_rates_of_their_own(copy: Path) -> None:
    ids = sorted(row["reference_id"] for row in Dataset(copy).references().to_pylist())
    change(copy, lambda row: row | {"content": "speech" if row["reference_id"] in ids[:2] else "music"})
    found = json.loads(codecs(copy, "--rater", "deepaq-fr", "--json").stdout.splitlines()[-1])["raters"][0]
    assert {name: part["tracks"] for name, part in found["contents"].items()} == {"music": TRACKS - 2, "speech": 2}
    assert found["contents"]["music"]["pairs"][0]["bd_rate"][0] != found["pairs"][0]["bd_rate"][0]
    assert "BD-rate on speech, 2 tracks" in codecs(copy, "--rater", "deepaq-fr").stdout


def test_builds_of_one_codec_are_curves_of_their_own(copy: Path) -> None:
    rows = [row for row in Dataset(copy).degraded().to_pylist() if row["codec"] == "mp3"]
    again = [
        row
        | {
            "degraded_id": row["degraded_id"][::-1],
            "condition_id": row["condition_id"][::-1],
            "encoder": "build 2",
        }
        for row in rows
    ]
    write_fragment(copy / "degraded", schema.DEGRADED, again, {})
    labels = {row["degraded_id"]: row for row in Dataset(copy).labels("deepaq-fr").to_pylist()}
    new = [labels[row["degraded_id"]] | {"degraded_id": row["degraded_id"][::-1]} for row in rows]
    write_fragment(copy / "labels" / "rater=deepaq-fr", schema.LABELS, new, {})
    names = {codec for codec, _ in judged(Dataset(copy), "deepaq-fr").points.keys}
    assert len(names) == 3
    assert {"mp3 [build 2]", "opus"} < names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rater", "visqol"], "raters with labels: deepaq-fr, log-mel"),
        (["--rater", "log-mel", "--codecs", "opus,flac"], "log-mel rates no codec flac; it rates mp3, opus"),
        (["--rater", "log-mel", "--rater", "log-mel"], "name each rater once"),
        (["--rater", "log-mel", "--seed", "-1"], "--seed -1"),
    ],
)
def test_bad_input_is_one_line(coded: Path, arguments: list[str], words: str) -> None:
    result = codecs(coded, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
