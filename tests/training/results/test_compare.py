"""Tables of finished runs: rows, intervals, paired tests, and every format."""

from __future__ import annotations

import csv
import html
import io
import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.training.loop.test_figures import held
from training import recipe
from training.cli import main
from training.loop import figures
from training.loop.evaluate import Distances
from training.results import folder, heldout
from training.results.compare import COLUMNS, compare
from training.results.paired import holm
from training.results.tables import FORMATS, render, titles

NOISE = {"deepaq": 0.3, "frozen-head": 1.2, "full-finetune": 0.32, "wav2vec2": 0.8}


def finished(run: Path, name: str, seed: int, tracks: int = 12) -> Path:
    """A run folder as `training fit` leaves it, of distances that follow the labels with that recipe's noise."""
    rows = held(tracks)
    rng = np.random.default_rng([seed, len(name)])

    def system(noise: float) -> Distances:
        return Distances(*(np.abs(5 - rows.mos + noise * rng.normal(size=len(rows))) for _ in range(2)))

    systems = {"trained": system(NOISE[name]), "untrained": system(2.0), "log-mel": system(0.5)}
    validation = {key: figures.correlations(rows, found) for key, found in systems.items()}
    run.mkdir(parents=True)
    heldout.write(run, rows, systems)
    settings = asdict(recipe.load(name, [f"seed={seed}"]))
    mapping = {mode: {"cubic": 0.9, "mlp": 0.91} for mode in ("full", "unmatched")}
    metrics = {"steps": 100, "parameters": {"trainable": 7}, "validation": validation, "mapping": mapping}
    model = {"info": {"data": {"fingerprint": "same"}}}
    for file, content in ((folder.SETTINGS, settings), (folder.METRICS, metrics), ("model.json", model)):
        (run / file).write_text(json.dumps(content))
    return run


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four recipes with three seeds each."""
    place = tmp_path_factory.mktemp("runs")
    return [finished(place / f"{name}-{seed}", name, seed) for name in NOISE for seed in range(3)]


def test_twelve_runs_become_four_rows_beside_what_needs_no_training(twelve: list[Path]) -> None:
    rows = compare(twelve)
    assert [row["name"] for row in rows] == [*NOISE, "untrained mert", "untrained wav2vec2", "log-mel"]
    assert [row["seeds"] for row in rows[:4]] == [[0, 1, 2]] * 4
    assert (rows[0]["steps"], rows[0]["hours"], rows[0]["trainable"]) == (100, pytest.approx(100 * 128 / 3600), 7)
    cell = rows[0]["full all srcc"]
    values = [json.loads((run / folder.METRICS).read_text())["validation"]["trained"] for run in twelve[:3]]
    assert cell.mean == pytest.approx(np.mean([value["full"]["all"]["srcc"] for value in values]))
    assert cell.interval[0] < cell.mean < cell.interval[1]
    (alone,) = (row for row in compare(twelve[:1]) if row["name"] == "deepaq")
    assert alone["full all srcc"].interval == pytest.approx(values[0]["full"]["all"]["srcc_interval"])
    assert alone["full codecs srcc"].interval == pytest.approx(values[0]["full"]["codecs"]["srcc_interval"])
    assert rows[0]["full mapping mlp"].mean == pytest.approx(0.91)


def test_rows_are_tested_against_the_best_trained_one_on_the_same_clips(twelve: list[Path], tmp_path: Path) -> None:
    rows = {row["name"]: row for row in compare(twelve)}
    best = max(NOISE, key=lambda name: rows[name]["full all srcc"].mean)
    assert rows[best]["against best"] is None
    assert rows["frozen-head"]["against best"].holm < 0.001
    assert rows["frozen-head"]["against best"].difference < -0.1
    close = rows[next(name for name in ("deepaq", "full-finetune") if name != best)]["against best"]
    assert close.holm >= close.p > 0.05  # a difference of noise alone
    for name in ("untrained mert", "log-mel"):  # of all runs, as the mean in the same row
        apart = rows[name]["full all srcc"].mean - rows[best]["full all srcc"].mean
        assert rows[name]["against best"].difference == pytest.approx(apart, abs=0.01)
    other = finished(tmp_path / "other", "frozen-head", seed=9, tracks=11)
    found = {row["name"]: row for row in compare([twelve[0], other])}
    assert all(row["against best"] is None for row in found.values() if row["name"] == "frozen-head")


def test_a_true_difference_of_nothing_is_rarely_found() -> None:
    """Two systems of the same noise: 5 % of p values lie below .05."""
    from training.results.heldout import HeldOutTable
    from training.results.paired import difference

    rng, track = np.random.default_rng(0), np.repeat(np.arange(10), 10)
    hits = 0
    for _ in range(200):
        mos, shift = rng.normal(size=100), 0.5 * rng.normal(size=(2, 10))[:, track]
        noisy = -mos + shift + rng.normal(size=(2, 100))
        names = {"track": [f"{place:02d}" for place in track], "mos": [repr(float(value)) for value in mos]}
        table = HeldOutTable(names, {"a full": noisy[0], "b full": noisy[1]})
        found = difference([(table, "a")], [(table, "b")])
        assert found is not None
        hits += found[1] < 0.05
    assert 2 <= hits <= 22


def test_holm_corrects_for_the_number_of_tests() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_every_format_holds_every_row(twelve: list[Path], tmp_path: Path) -> None:
    rows = compare(twelve)
    for form in FORMATS:
        text = render(rows, form)
        for row in rows:
            assert row["name"] in (html.unescape(text) if form == "html" else text)
    markdown = render(rows, "markdown").splitlines()
    assert len({line.count("|") for line in markdown[: 2 + len(rows)]}) == 1
    table = list(csv.DictReader(io.StringIO(render(rows, "csv"))))
    assert float(table[0]["full all srcc mean"]) == rows[0]["full all srcc"].mean
    assert float(table[1]["p_holm"]) == rows[1]["against best"].holm
    assert table[4]["full mapping cubic mean"] == ""
    page = render(rows, "html")
    assert page.count("<svg") == 2
    assert page.count('class="mark"') == 2 * len(rows)
    latex = render(rows, "latex")
    assert latex.count(r"\\") == 1 + len(rows)
    assert all(line.count(" & ") == len(titles()) - 1 for line in latex.splitlines() if line.endswith(r"\\"))
    assert r"cross\_codec" in latex


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
def test_the_latex_table_compiles(twelve: list[Path], tmp_path: Path) -> None:
    body = render(compare(twelve), "latex")
    (tmp_path / "t.tex").write_text(
        rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{body}\end{{document}}"
    )
    subprocess.run(["pdflatex", "-interaction=batchmode", "t.tex"], cwd=tmp_path, check=True)


def test_the_suffix_of_the_file_says_the_format(twelve: list[Path], tmp_path: Path) -> None:
    runs = [str(run) for run in twelve]
    for suffix, start in (
        (".md", "|  | seeds"),
        (".csv", "name,"),
        (".tex", r"\begin{tabular}"),
        (".html", "<!doctype"),
    ):
        done = CliRunner().invoke(main, ["compare", *runs, "--out", str(tmp_path / f"table{suffix}")])
        assert (done.exit_code, done.stdout) == (0, "")
        assert (tmp_path / f"table{suffix}").read_text().startswith(start)
    printed = CliRunner().invoke(main, ["compare", *runs, "--format", "markdown"]).stdout
    assert printed == (tmp_path / "table.md").read_text()
    done = CliRunner().invoke(main, ["compare", *runs, "--out", str(tmp_path / "nowhere" / "t.md")])
    assert (done.exit_code, "nowhere" in done.stderr) == (2, True)


def test_runs_without_a_table_of_their_rows_are_compared_by_their_figures(twelve: list[Path], tmp_path: Path) -> None:
    """Runs that were made before there was one."""
    old = shutil.copytree(twelve[3], tmp_path / "old")
    (old / folder.HELD_OUT).unlink()
    settings = json.loads((old / folder.SETTINGS).read_text())
    del settings["evaluations"], settings["data"]["batch"], settings["contrast"]["printed"]
    (old / folder.SETTINGS).write_text(json.dumps(settings))
    rows = {row["name"]: row for row in compare([twelve[0], old])}
    assert rows["frozen-head"]["full all srcc"].mean < rows["deepaq"]["full all srcc"].mean
    assert rows["frozen-head"]["against best"] is None
    assert len(COLUMNS) == 10
