"""ODAQ's leaderboard in `labels benchmark`, again by SciPy from the tables that were imported."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import pearsonr

from labels.benchmark.leaderboard import AGGREGATED, COHORTS, entries, leaderboard
from labels.benchmark.rated import Rated, Stimulus
from labels.benchmark.stage import benchmark, headline
from labels.importing.stage import import_test
from manifests.schema import ANCHOR, CODED, REFERENCE
from tests.labels.benchmark.benchmarks import IMPORT, ONE, RATERS
from tests.labels.listening.listening_layouts import audio, table

METHODS = ("LP", "TM", "UN")
CONDITIONS = ("reference", "LP35", "LP70", "TM10.5k", "TM7k", "TM5k")
TABLES = {"odaq": "ODAQ/ODAQ_listening_test/ODAQ_results.csv"} | {
    f"odaq-b{number}": f"ODAQ_v1_BSU/Cohort_B{number}_results.csv" for number in (1, 2)
}


def collection(root: Path) -> Path:
    """ODAQ as it is distributed: two items for each of three methods, and three cohorts that do not agree."""
    rng = np.random.default_rng(0)
    items = [f"{method}_{number:02d}_item" for method in METHODS for number in (1, 2)]
    for seed, item in enumerate(items):
        for i, condition in enumerate(CONDITIONS):
            audio(root / "ODAQ" / "ODAQ_listening_test" / item / f"{condition}.wav", seed, 0.02 * i)
    for name, path in TABLES.items():
        rows = [
            (float(rng.integers(0, 101)), item[:2], "Q", condition, item, f"Subject {person + 1}: {name}-{person}")
            for item in items
            for condition in CONDITIONS
            for person in range(2 + len(name) % 2)
        ]
        table(root / path, ("score", "method", "condition", "process", "item", "subject"), rows)
    return root


def published(root: Path, values: dict[tuple[str, str], float]) -> dict[str, float]:
    """The steps of the leaderboard's description: pool, leave out, correlate by method, average by Fisher's z."""
    scores = defaultdict(list)
    for path in TABLES.values():
        with (root / path).open(newline="") as file:
            for row in csv.DictReader(file):
                if row["process"] not in {"reference", "LP35", "LP70"}:
                    scores[row["item"], row["process"]].append(float(row["score"]))
    found = {}
    for method in METHODS:
        keys = [key for key in scores if key[0].startswith(method)]
        found[method] = abs(pearsonr([np.mean(scores[key]) for key in keys], [values[key] for key in keys])[0])
    return found | {AGGREGATED: float(np.tanh(np.mean(np.arctanh(list(found.values())))))}


def test_the_leaderboard_is_what_its_description_gives(tmp_path: Path) -> None:
    root = collection(tmp_path / "in")
    for name in TABLES:
        import_test(name, root, tmp_path / name, IMPORT)
    report = benchmark([tmp_path / name for name in TABLES], RATERS, tmp_path / "report", replace(ONE, mappings=False))
    board = report["leaderboard"]
    assert (board["tests"], board["listeners"], board["stimuli"]) == (list(COHORTS), 8, 18)
    assert not board["complete"]
    for row in board["rows"]:
        stimuli = report["tests"][0]["stimuli"]
        values = {(s["item"], s["condition"]): s["values"][row["rater"]] for s in stimuli}
        expected = published(root, values)
        assert row["methods"] | {AGGREGATED: row[AGGREGATED]} == pytest.approx(expected, abs=1e-9)
        assert row["stimuli"] == 18
    assert headline(report)["leaderboard"] == {row["rater"]: row[AGGREGATED] for row in board["rows"]}
    page = (tmp_path / "report" / "report.md").read_text()
    assert "8 listeners (odaq, odaq-b1, odaq-b2) and 18 stimuli or more, so they compare only roughly" in page
    assert "| NMR | public | 0.90 | 0.79 | 0.94 | 0.89 |" in page
    assert 'odaq (leaderboard),coded,lsd,,"absolute pcc, aggregated",' in (tmp_path / "report/results.csv").read_text()


def rated(name: str, listeners: int) -> Rated:
    """One cohort of the real size: 30 items in six methods, five conditions, references and anchors; no audio."""
    rng = np.random.default_rng(len(name))
    roles = {"reference": REFERENCE, "LP35": ANCHOR, "LP70": ANCHOR} | {f"Q{i}": CODED for i in range(1, 6)}
    stimuli = tuple(
        Stimulus(f"{m}{i}{c}", ("r",), f"{m}_{i}", c, m, role, True, 0.0, None, None)
        for m in ("DE", "LP", "PE", "SH", "TM", "UN")
        for i in range(5)
        for c, role in roles.items()
    )
    ratings = rng.uniform(0, 100, (len(stimuli), listeners))
    values = {"good": np.arange(len(stimuli)) % 8 + 0.1 * ratings.mean(axis=1), "flat": np.ones(len(stimuli))}
    return Rated(name, {}, stimuli, ratings, values)


def test_the_whole_collection_is_told_apart_from_a_part() -> None:
    cohorts = [rated(name, count) for name, count in zip(COHORTS, (26, 8, 8), strict=True)]
    whole = leaderboard(cohorts, ["good", "flat"])
    assert whole is not None
    assert (whole["complete"], whole["listeners"], whole["stimuli"]) == (True, 42, 150)
    good, flat = whole["rows"]
    assert 0 < good[AGGREGATED] < 1
    assert flat[AGGREGATED] is None  # a constant has no correlation
    assert not leaderboard(cohorts[:2], ["good"])["complete"]
    assert leaderboard([replace(cohorts[0], name="other")], ["good"]) is None


def test_the_public_entries_are_averages_of_their_methods() -> None:
    """The README's own figures, which are rounded to two digits."""
    for entry in entries():
        each = [value for name, value in entry.items() if name not in {"metric", AGGREGATED}]
        assert len(each) == 6
        assert np.tanh(np.mean(np.arctanh(each))) == pytest.approx(entry[AGGREGATED], abs=0.011)
