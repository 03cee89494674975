"""Ratings of stimuli that a data set already holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from labels.importing.stage import import_test
from manifests.dataset import Dataset
from tests.labels.importing.test_importing import ONE, means, run
from tests.labels.listening.listening_layouts import stahl2024, table


def test_ratings_of_ones_own_for_what_is_in_a_data_set(tmp_path: Path) -> None:
    import_test("stahl2024", stahl2024(tmp_path / "in"), tmp_path / "out", ONE)
    dataset = Dataset(tmp_path / "out")
    first, second = sorted(row["degraded_id"] for row in dataset.degraded().to_pylist())[:2]
    before = means(dataset)
    rows = [
        (first, 80, "dora"),
        (first, 90, "emil"),
        (second, 10, "dora"),
        ("0" * 24, 50, "dora"),
        (second, "x", "emil"),
    ]
    path = table(tmp_path / "mine.csv", ("degraded_id", "score", "listener"), rows)
    result = run("csv", path, "--out", tmp_path / "out", "--licence", "CC0")
    assert result.exit_code == 1
    assert "mine.csv line 5: " in result.stderr
    assert f"no degraded file '{'0' * 24}'" in result.stderr
    assert "mine.csv line 6: " in result.stderr
    assert len(result.stderr.splitlines()) == 2
    after = means(dataset)
    assert after[first] == pytest.approx((3 * before[first] + 80 + 90) / 5)
    assert after[second] == pytest.approx((3 * before[second] + 10) / 4)
    assert {key: after[key] for key in set(after) - {first, second}} == {
        key: before[key] for key in set(after) - {first, second}
    }
    table(path, ("degraded_id", "score", "listener"), [(first, 80, "dora"), (first, 20, "emil")])
    result = run("csv", path, "--out", tmp_path / "out")
    assert "emil rated" in result.stderr
    assert dataset.labels("listeners").num_rows == len(before)
    assert (
        dict(zip(*(dataset.labels("listeners")[c].to_pylist() for c in ("degraded_id", "value")), strict=True)) == after
    )


def test_ratings_need_a_data_set_that_holds_them(tmp_path: Path) -> None:
    path = table(tmp_path / "mine.csv", ("degraded_id", "score"), [("a", 50)])
    assert "no such data set" in run("csv", path, "--out", tmp_path / "out").stderr
    import_test("stahl2024", stahl2024(tmp_path / "in"), tmp_path / "out", ONE)
    result = run("csv", path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "holds no ratings of degraded files in" in result.stderr
