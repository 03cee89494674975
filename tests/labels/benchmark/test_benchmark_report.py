"""`labels benchmark` as its users meet it: files, page, and what is said of mistakes."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from labels.benchmark.stage import benchmark
from labels.cli import main
from labels.importing.stage import import_test
from manifests.dataset import Dataset
from tests.labels.benchmark.benchmarks import HOSTILE, IMPORT, ONE, RATERS, result
from tests.manifests.report.test_page import Document


def test_the_files_say_the_same(made, report) -> None:
    folder = made[0] / "report"
    assert json.loads((folder / "report.json").read_text()) == json.loads(json.dumps(report))
    with (folder / "results.csv").open() as file:
        lines = [row for row in csv.DictReader(file) if (row["test"], row["protocol"]) == ("first", "coded")]
    line = next(row for row in lines if (row["rater"], row["mapping"], row["statistic"]) == ("lsd", "", "pcc"))
    found = result(report, 0, "coded", "lsd")["pcc"]
    assert [float(line[name]) for name in ("value", "low", "high")] == found
    shown = f"{found[0]:.2f} [{found[1]:.2f}, {found[2]:.2f}]"
    assert f"| lsd | 18 | {shown} |" in (folder / "report.md").read_text()
    assert shown in (folder / "report.html").read_text()
    assert {row["statistic"] for row in lines if row["rater"] == "listeners"} == {"listeners", "split_half", "ceiling"}


def test_the_report_says_what_made_it(made, report) -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    assert report["revision"].rstrip("+") == head or not head
    assert {"deepaq", "python", "soxr"} <= set(report["tools"])
    assert report["settings"]["resamples"] == 200
    assert all(0 < test["cost"][rater] < 10 for test in report["tests"] for rater in RATERS)
    page = (made[0] / "report" / "report.html").read_text()
    assert report["revision"] in page


def test_the_page_is_whole_loads_nothing_and_shows_every_stimulus(made, report) -> None:
    document = Document((made[0] / "report" / "report.html").read_text())
    assert all(address.startswith("#") for address in document.addresses)
    assert document.tags.count("svg") == 4
    text = "".join(document.text)
    assert HOSTILE in text
    assert "b" not in document.tags
    marks = sum(document.tags.count(tag) for tag in ("circle", "path"))
    assert marks >= 2 * len(RATERS) * 24
    markdown = (made[0] / "report" / "report.md").read_text()
    assert "&lt;b&gt;\\|codec &amp; co" in markdown


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_shows_tables_and_plots(made, tmp_path: Path) -> None:
    from matplotlib.image import imread

    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync --hide-scrollbars --force-device-scale-factor=1"
    page, picture = made[0] / "report" / "report.html", tmp_path / "page.png"
    subprocess.run(
        [CHROMIUM, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1250,2400",
         f"--screenshot={picture}", f"file://{page}"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    pixels = (255 * imread(picture)[:, :, :3]).round().astype(int)
    assert pixels.shape == (2400, 1250, 3)

    def share(colour: tuple[int, int, int]) -> float:
        return float((np.abs(pixels - colour).max(axis=2) < 12).mean())

    assert 0.5 < share((255, 255, 255)) < 0.99
    assert share((245, 246, 249)) > 0.002  # the tables' heads
    blue, vermilion = (tuple(round(0.8 * c + 0.2 * 255) for c in colour) for colour in ((0, 114, 178), (213, 94, 0)))
    assert share(blue) > 1e-5 < share(vermilion)  # marks of two conditions


def test_a_broken_file_is_named_and_the_rest_is_evaluated(made, tmp_path: Path) -> None:
    shutil.copytree(made[0] / "first", tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "labels" / "rater=lsd")
    row = next(row for row in Dataset(tmp_path / "data").degraded().to_pylist() if row["condition"] == "poor")
    (tmp_path / "data" / row["path"]).write_bytes(b"no audio")
    arguments = [tmp_path / "data", "--raters", "lsd", "--out", tmp_path / "report", "--resamples", 100, "--jobs", 1]
    run = CliRunner().invoke(main, ["benchmark", *map(str, arguments), "--json", "--quiet"])
    assert run.exit_code == 1
    assert f"first: lsd: poor of {row['item']}: " in run.stderr
    assert "differs from its checksum" in run.stderr
    assert len(run.stderr.splitlines()) == 1
    printed = json.loads(run.stdout.splitlines()[-1])
    written = json.loads((tmp_path / "report" / "report.json").read_text())
    found = result(written, 0, "coded", "lsd")
    assert found["stimuli"] == 17
    assert printed["pcc"]["first"]["lsd"] == found["pcc"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("first", "--raters", "nobody"), "rater 'nobody' is unknown"),
        (("first", "--raters", "lsd,lsd"), "names a rater twice"),
        (("first", "first", "--raters", "lsd"), "the test first occurs twice in the data sets"),
        (("first", "--raters", "lsd", "--resamples", "5"), "--resamples 5: at least 100"),
        (("first", "--raters", "lsd", "--seed", "-1"), "--seed -1: write a whole number, 0 or more"),
        (("first", "--raters", "lsd", "--fit-on", "bare"), "holds no listeners' ratings"),
        (("first", "--raters", "lsd", "-o", "visqol.engine=fast"), "write RATER.KEY=VALUE with one of lsd"),
        (("first", "--raters", "lsd", "-o", "lsd.colour=red"), "has no option 'colour'"),
        (("in", "--raters", "lsd"), "holds no manifests"),
        (("bare", "--raters", "lsd"), "holds no listeners' ratings; add them with `labels import`"),
    ],
)
def test_a_users_mistake_is_one_line_before_any_work(made, tmp_path, monkeypatch, arguments, message) -> None:
    if not (made[0] / "bare").exists():
        shutil.copytree(made[0] / "first", made[0] / "bare")
        shutil.rmtree(made[0] / "bare" / "labels")
    monkeypatch.chdir(made[0])
    run = CliRunner().invoke(main, ["benchmark", *arguments, "--out", str(tmp_path / "report"), "--quiet"])
    assert run.exit_code == 2
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert not (tmp_path / "report").exists()


def test_ratings_without_audio_still_tell_the_listeners_agreement(made, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "in", ignore_errors=True)
    shutil.copytree(made[0] / "in", tmp_path / "in")
    shutil.rmtree(tmp_path / "in" / "first")
    assert import_test("csv", tmp_path / "in" / "first.csv", tmp_path / "data", IMPORT)["ok"] == 0
    written = benchmark([tmp_path / "data"], ("lsd",), tmp_path / "report", ONE)
    assert written["tests"][0]["protocols"] == []
    assert written["tests"][0]["ceiling_of_all_rated"]["split_half"] > 0.9
    assert "0 of them with audio" in (tmp_path / "report" / "report.md").read_text()
