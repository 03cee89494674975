"""`labels benchmark` from end to end: every figure of the report is found again by a few plain lines."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from labels.benchmark.agreement import Bootstrap
from labels.benchmark.evaluate import SYSTEM_MEAN, Evaluation
from labels.benchmark.paper import table as paper_table
from labels.benchmark.rated import Rated, read_tests
from labels.benchmark.stage import benchmark
from labels.benchmark.statistics.dependent import steiger
from manifests.dataset import Dataset
from manifests.fragment import fragments
from tests.labels.benchmark.benchmarks import ONE, RATERS, result


def stimuli(folder: Path, test: str, *roles: str) -> list[dict[str, str]]:
    with (folder / "report" / "stimuli.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["test"] == test and row["role"] in roles]


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


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


def test_the_papers_table_is_filed_with_its_sources() -> None:
    figures = {(row["test"], row["metric"]): row for row in paper_table()}
    assert float(figures["IgorC96Multiformat", "PCC"]["DeePAQ_FR"]) == 0.954
    assert float(figures["SiSEC08", "PCC"]["2f_model"]) == 0.948
    assert all(row["source"] for row in figures.values())
