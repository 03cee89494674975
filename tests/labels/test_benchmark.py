"""`labels benchmark` from end to end: every figure of the report is found again by a few plain lines."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

from labels.benchmark.agreement import Bootstrap
from labels.benchmark.evaluate import SYSTEM_MEAN, Evaluation
from labels.benchmark.paper import table as paper_table
from labels.benchmark.rated import Rated, read_tests
from labels.benchmark.stage import Settings, benchmark
from labels.cli import main
from labels.importing.stage import Settings as ImportSettings
from labels.importing.stage import import_test
from labels.statistics.dependent import steiger
from manifests.dataset import Dataset
from manifests.fragment import fragments
from tests.labels.listening_layouts import table
from tests.manifests.test_page import Document
from tests.sounds import music, write

ONE = Settings(jobs=1, quiet=True, resamples=200)
IMPORT = ImportSettings(jobs=1, quiet=True)
RATERS = ("lsd", "si-sdr")  # a distance and a similarity, both cheap
RATE = 24_000
HOSTILE = "<b>|codec & co"


def listening_test(folder: Path, name: str, seed: int, items: int = 6) -> Path:
    """A data set of one test with hidden references and anchors, five listeners; quality falls with noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for item in range(items):
        sound = music(1.2, 100 * seed + item, RATE, 1)
        write(folder / "in" / name / f"{item}" / "ref.wav", sound, RATE)
        for condition, level in (("ref", 0.0), ("fine", 0.002), (HOSTILE, 0.01), ("poor", 0.05), ("anchor", 0.3)):
            noise = level * rng.uniform(0.5, 1.5) * rng.standard_normal(sound.shape).astype(np.float32)
            file = f"{name}/{item}/{level if level else 'ref'}.wav"
            if level:
                write(folder / "in" / file, np.clip(sound + noise, -1, 0.99), RATE)
            quality = 100 if level == 0 else np.clip(60 - 25 * np.log10(level / 0.01), 0, 95)
            for listener in "abcde":
                score = float(np.clip(quality + 8 * rng.standard_normal(), 0, 100)) if level else 100.0
                content = "speech" if item % 2 else "music"
                rows.append((f"{name}/{item}/ref.wav", file, score, f"{name} {item}", condition, listener, content))
    header = ("reference", "degraded", "score", "item", "condition", "listener", "content")
    path = table(folder / "in" / f"{name}.csv", header, rows)
    import_test("csv", path, folder / name, IMPORT)
    return folder / name


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Two tests, rated, and the report on them."""
    folder = tmp_path_factory.mktemp("benchmark")
    data = [listening_test(folder, "first", 1), listening_test(folder, "second", 2)]
    return folder, benchmark(data, RATERS, folder / "report", ONE)


@pytest.fixture
def report(made: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
    return made[1]


def stimuli(folder: Path, test: str, *roles: str) -> list[dict[str, str]]:
    with (folder / "report" / "stimuli.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["test"] == test and row["role"] in roles]


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def result(report: dict[str, Any], test: int, protocol: str, rater: str) -> dict[str, Any]:
    part = next(part for part in report["tests"][test]["protocols"] if part["protocol"] == protocol)
    found: dict[str, Any] = next(row for row in part["results"] if row["rater"] == rater)
    return found


ROLES = {
    "coded": ("coded",),
    "coded + reference": ("coded", "reference"),
    "coded + anchors": ("coded", "anchor"),
    "all": ("coded", "reference", "anchor"),
}


@pytest.mark.parametrize("protocol", ROLES)
@pytest.mark.parametrize("rater", RATERS)
def test_every_correlation_is_found_again_from_the_stimuli(made, report, protocol: str, rater: str) -> None:
    rows = [row for row in stimuli(made[0], "first", *ROLES[protocol]) if row[rater]]
    x, y = column(rows, rater), column(rows, "mean")
    sign = -1 if rater == "lsd" else 1
    found = result(report, 0, protocol, rater)
    assert found["stimuli"] == len(rows)
    for name, expected in (("pcc", stats.pearsonr), ("srcc", stats.spearmanr), ("kendall", stats.kendalltau)):
        value, low, high = found[name]
        assert value == pytest.approx(sign * expected(x, y).statistic, abs=1e-6)
        assert low < value < high
    assert found["pcc"][0] > 0.5


def test_the_means_and_intervals_are_those_of_the_ratings(made, report) -> None:
    given: dict[tuple[str, str], list[float]] = {}
    with (made[0] / "in" / "first.csv").open() as file:
        for row in csv.DictReader(file):
            given.setdefault((row["item"], row["condition"]), []).append(float(row["score"]))
    for row in stimuli(made[0], "first", "coded", "anchor"):
        scores = given[row["item"], row["condition"]]
        low, high = stats.t.interval(0.95, 4, np.mean(scores), stats.sem(scores))
        assert [float(row[name]) for name in ("mean", "ci_low", "ci_high")] == pytest.approx(
            [np.mean(scores), low, high]
        )


def test_the_comparison_is_steigers_of_the_stimuli(made, report) -> None:
    rows = stimuli(made[0], "first", "coded")
    a, b, y = -column(rows, "lsd"), column(rows, "si-sdr"), column(rows, "mean")
    r1, r2, r12 = (float(np.corrcoef(*pair)[0, 1]) for pair in ((a, y), (b, y), (a, b)))
    (found,) = report["tests"][0]["comparisons"]
    r1, r2 = max(r1, r2), min(r1, r2)
    z, p = steiger(r1, r2, r12, len(rows))
    assert (found["difference"], found["z"], found["p"]) == pytest.approx((r1 - r2, z, p), abs=1e-9)
    assert found["zou"][0] < found["difference"] < found["zou"][1]
    assert found["bootstrap"][0] < found["difference"] < found["bootstrap"][1]


def test_the_system_mean_is_that_of_the_other_items(made, report) -> None:
    rows = stimuli(made[0], "first", "coded")
    predicted = [
        np.mean([float(o["mean"]) for o in rows if o["condition"] == row["condition"] and o["item"] != row["item"]])
        for row in rows
    ]
    expected = np.corrcoef(predicted, column(rows, "mean"))[0, 1]
    assert report["tests"][0]["protocols"][0][SYSTEM_MEAN]["pcc"][0] == pytest.approx(expected, abs=1e-9)


def test_breakdowns_divide_the_coded_stimuli(report) -> None:
    test = report["tests"][0]
    for kind, groups in test["breakdowns"].items():
        assert sum(group["stimuli"] for group in groups) == 18, kind
    assert [group["group"] for group in test["breakdowns"]["content"]] == ["music", "speech"]
    content = {group["group"]: group["raters"]["lsd"]["pcc"][0] for group in test["breakdowns"]["content"]}
    within = result(report, 0, "coded", "lsd")["pcc_within_content"][0]
    assert within == pytest.approx(np.tanh(np.mean(np.arctanh(list(content.values())))), abs=1e-9)


def test_both_ways_of_summing_up_are_found_again(made, report) -> None:
    row = next(row for row in report["overall"] if (row["protocol"], row["rater"]) == ("coded", "lsd"))
    rows = [stimuli(made[0], name, "coded") for name in ("first", "second")]
    each = [np.corrcoef(-column(part, "lsd"), column(part, "mean"))[0, 1] for part in rows]
    assert row["average"]["pcc"][0] == pytest.approx(np.tanh(np.mean(np.arctanh(each))), abs=1e-9)
    both = rows[0] + rows[1]
    assert row["pooled"]["pcc"][0] == pytest.approx(
        np.corrcoef(-column(both, "lsd"), column(both, "mean"))[0, 1], abs=1e-9
    )
    assert (row["tests"], row["stimuli"]) == (2, 36)


def evaluation(made, fits: dict[str, list[Rated]]) -> Evaluation:
    return Evaluation({"lsd": -1, "si-sdr": 1}, Bootstrap(100), fits)


def test_a_mapping_never_sees_the_test_that_it_is_used_on(made, report) -> None:
    first, second = (read_tests(Dataset(made[0] / name), RATERS)[0] for name in ("first", "second"))
    assert report["tests"][0]["fitted_on"] == ["second"]
    mapped = result(report, 0, "coded", "lsd")["mapped"]
    assert set(mapped) == {"monotone cubic", "MLP"}
    assert 0 < mapped["monotone cubic"]["rmse_star"][0] < 0.3
    values, _ = evaluation(made, {"first": [second]}).fit_points(first, "lsd")
    assert set(values) == set(-second.values["lsd"])
    values, _ = evaluation(made, {"first": [first, second]}).fit_points(first, "lsd")
    assert set(values) == set(-second.values["lsd"])
    alone = evaluation(made, {"first": [first]}).test(first)
    assert alone["fitted_on"] == []
    assert all(row["mapped"] == {} for part in alone["protocols"] for row in part["results"])


def test_what_is_rated_is_not_rated_again(made, tmp_path: Path) -> None:
    before = fragments(made[0] / "first")
    benchmark([made[0] / "first"], ("lsd",), tmp_path / "report", ONE)
    assert fragments(made[0] / "first") == before


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
    assert "<b>\\|codec & co" in markdown


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
        (("first", "first", "--raters", "lsd"), "the test first is in the data sets twice"),
        (("first", "--raters", "lsd", "--resamples", "5"), "--resamples 5: at least 100"),
        (("first", "--raters", "lsd", "-o", "visqol.engine=fast"), "write RATER.KEY=VALUE with one of lsd"),
        (("first", "--raters", "lsd", "-o", "lsd.colour=red"), "has no option 'colour'"),
        (("in", "--raters", "lsd"), "holds no manifests"),
        (("bare", "--raters", "lsd"), "holds no listeners' ratings; bring them in with `labels import`"),
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


def test_the_papers_table_is_filed_with_its_sources() -> None:
    figures = {(row["test"], row["metric"]): row for row in paper_table()}
    assert float(figures["IgorC96Multiformat", "PCC"]["DeePAQ_FR"]) == 0.954
    assert float(figures["SiSEC08", "PCC"]["2f_model"]) == 0.948
    assert all(row["source"] for row in figures.values())
