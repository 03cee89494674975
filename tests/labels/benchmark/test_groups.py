"""Scores known for groups only, scales where lower is better, and order within items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from labels.benchmark.agreement import Points, correlations, within_items
from labels.benchmark.groups import by_group
from labels.benchmark.rated import read_tests
from labels.benchmark.stage import benchmark
from labels.benchmark.statistics.reliability import reliability, reliability_of_means
from labels.importing.stage import import_test
from manifests.dataset import Dataset
from tests.labels.benchmark.benchmarks import IMPORT, ONE, result
from tests.labels.listening.listening_layouts import table
from tests.sounds import music, write

RATE = 24_000
LEVELS = (0.001, 0.003, 0.01, 0.03, 0.1)


def noisy(folder: Path, header: str, row: Any, items: int = 2) -> Path:
    """A data set of items with noise at five levels; row(item, level) gives the cells after the files and names."""
    rows = []
    for item in range(items):
        sound = music(1.2, item, RATE, 1)
        write(folder / "in" / f"{item}.wav", sound, RATE)
        for level in LEVELS:
            noise = level * np.random.default_rng(item).standard_normal(sound.shape).astype(np.float32)
            write(folder / "in" / f"{item}-{level}.wav", np.clip(sound + noise, -1, 0.99), RATE)
            rows.append((f"{item}.wav", f"{item}-{level}.wav", f"i{item}", f"n{level}", *row(item, level)))
    path = table(folder / "in" / "t.csv", ("reference", "degraded", "item", "condition", *header.split(",")), rows)
    import_test("csv", path, folder / "data", IMPORT)
    return folder / "data"


def test_a_group_counts_once_with_the_mean_over_its_stimuli(tmp_path: Path) -> None:
    data = noisy(tmp_path, "score,group", lambda item, level: (30 - 20 * np.log10(level), f"g{level}"))
    report = benchmark([data], ("lsd",), tmp_path / "report", ONE)
    (test,) = report["tests"]
    assert (test["counts"]["stimuli"], test["counts"]["grouped"]) == (5, 10)
    (alone,) = read_tests(Dataset(data), ("lsd",))
    values = {s.degraded_id: value for s, value in zip(alone.stimuli, alone.values["lsd"], strict=True)}
    means = [np.mean([values[s.degraded_id] for s in alone.stimuli if s.group == f"g{level}"]) for level in LEVELS]
    expected = np.corrcoef(means, -20 * np.log10(LEVELS))[0, 1]
    found = result(report, 0, "coded", "lsd")
    assert (found["stimuli"], found["pcc"][0]) == (5, pytest.approx(-expected, abs=1e-9))
    assert "10 stimuli, rated in 5 groups" in (tmp_path / "report" / "report.md").read_text()


def test_a_group_with_an_unrated_stimulus_has_no_value(tmp_path: Path) -> None:
    data = noisy(tmp_path, "score,group", lambda item, level: (30 - 20 * np.log10(level), f"g{level}"))
    benchmark([data], ("lsd",), tmp_path / "report", ONE)
    (test,) = read_tests(Dataset(data), ("lsd",))
    test.values["lsd"][3] = np.nan
    values = by_group(test).values["lsd"]
    assert (len(values), np.isnan(values).sum()) == (5, 1)


def test_a_test_without_groups_stays_as_it_is(made) -> None:
    (test,) = read_tests(Dataset(made[0] / "first"), ("lsd",))
    assert by_group(test) is test


def test_a_perfect_distance_agrees_with_abx_scores(tmp_path: Path) -> None:
    """More noise is heard more often: the distance is right, though both the distance and the score rise."""
    data = noisy(tmp_path, "n_correct,n_trials", lambda item, level: (round(50 + 20 * (3 + np.log10(level))), 100))
    report = benchmark([data], ("lsd",), tmp_path / "report", ONE)
    assert result(report, 0, "coded", "lsd")["srcc"][0] > 0.9
    assert report["tests"][0]["about"]["better"] == "lower"
    bands = [group["group"] for group in report["tests"][0]["breakdowns"]["quality"]]
    assert bands[0] == "1 to 0.9" or bands[0] == "0.9 to 0.8", bands  # the worst first
    assert "lower is better" in (tmp_path / "report" / "report.md").read_text()


def test_order_within_items_ignores_offsets_between_them() -> None:
    rng = np.random.default_rng(0)
    items = np.repeat(np.arange(6), 5)
    quality = rng.uniform(0, 1, 30)
    values = quality + 0.2 * rng.standard_normal(30) + 5 * rng.standard_normal(6)[items]
    points = Points(values, quality, np.zeros(30), [str(i) for i in items], ["t"] * 30)
    found = within_items(points)
    each = [stats.spearmanr(values[items == i], quality[items == i]).statistic for i in range(6)]
    assert found.value == pytest.approx(np.mean(each), abs=1e-9)
    assert -1 <= found.low < found.value < found.high <= 1
    assert found.value > correlations(points)["srcc"].value


def test_items_of_two_stimuli_have_no_order() -> None:
    points = Points(np.arange(8.0), np.arange(8.0), np.zeros(8), list("aabbccdd"), ["t"] * 8)
    assert within_items(points).value is None


def test_the_reliability_of_published_means_is_that_of_their_ratings() -> None:
    """Listeners who differ by chance alone: the deviations tell what the ratings themselves tell."""
    rng = np.random.default_rng(1)
    ratings = rng.uniform(20, 80, 60)[:, None] + 20 * rng.standard_normal((60, 12))
    published = reliability_of_means(ratings.mean(axis=1).tolist(), ratings.std(axis=1, ddof=1).tolist(), [12] * 60)
    own = reliability(ratings)
    assert published is not None
    assert own is not None
    assert published.split_half == pytest.approx(own.split_half, abs=0.03)
    assert published.listeners == 12
    assert reliability_of_means([1.0, 2.0, 3.0], [1.0, None, 1.0], [5, 5, 5]) is None
