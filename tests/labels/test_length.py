"""Pairs with only a part in common: named by import, rate and benchmark, and left out of its figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from labels.benchmark.stage import benchmark
from labels.cli import main
from labels.importing.stage import import_test
from labels.rating.stage import Settings as Rating
from labels.rating.stage import rate
from manifests.dataset import Dataset
from tests.labels.benchmark.benchmarks import IMPORT, ONE, result
from tests.labels.listening.listening_layouts import table
from tests.sounds import music, write

RATE = 24_000
HALF = "reference and degraded file have only 50% in common; the rest is not rated"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Five degraded files, one of which lacks its second half and is perfect otherwise."""
    sound = music(2.4, 1, RATE, 1)
    write(tmp_path / "in" / "ref.wav", sound, RATE)
    write(tmp_path / "in" / "half.wav", sound[: len(sound) // 2], RATE)
    rows = [("ref.wav", "half.wav", 20)]
    for place, level in enumerate((0.001, 0.003, 0.01, 0.03)):
        noise = level * np.random.default_rng(place).standard_normal(sound.shape).astype(np.float32)
        write(tmp_path / "in" / f"{place}.wav", np.clip(sound + noise, -1, 0.99), RATE)
        rows.append(("ref.wav", f"{place}.wav", 90 - 20 * place))
    path = table(tmp_path / "in" / "t.csv", ("reference", "degraded", "score"), rows)
    imported = import_test("csv", path, tmp_path / "data", IMPORT)
    assert imported["notes"] == [f"half of ref: {HALF}"]
    assert (imported["ok"], imported["errors"]) == (5, [])
    return tmp_path / "data"


def test_rate_names_the_pair(data: Path) -> None:
    done = rate(data, "lsd", Rating(jobs=1, quiet=True))
    (half,) = [row["degraded_id"] for row in Dataset(data).degraded().to_pylist() if row["condition"] == "half"]
    assert (done["labelled"], done["notes"], done["errors"]) == (5, [f"{half}: {HALF}"], [])


def test_the_commands_print_notes_and_end_well(data: Path) -> None:
    found = CliRunner().invoke(main, ["rate", str(data), "--rater", "lsd", "--jobs", "1", "-q"])
    assert found.exit_code == 0
    assert "note: " in found.stderr
    assert HALF in found.stderr
    found = CliRunner().invoke(main, ["rate", str(data), "--rater", "lsd", "--jobs", "1", "-q", "--json"])
    assert len(json.loads(found.stdout)["notes"]) == 1


@pytest.mark.parametrize("allowed", [False, True])
def test_the_benchmark_leaves_the_pair_out_unless_told_otherwise(data: Path, tmp_path: Path, allowed: bool) -> None:
    how = ONE.__class__(jobs=1, quiet=True, resamples=100, allow_shorter=allowed)
    report = benchmark([data], ("lsd",), tmp_path / "report", how)
    found = result(report, 0, "coded", "lsd")
    assert found["stimuli"] == (5 if allowed else 4)
    assert (found["srcc"][0] == pytest.approx(1.0)) is not allowed
    assert report["notes"] == [f"t: half of ref: {HALF}"]
    assert HALF in (tmp_path / "report" / "report.md").read_text()


def test_what_earlier_imports_did_not_note_raters_have_found(data: Path, tmp_path: Path) -> None:
    """Data sets without the column: the share that a rater has compared tells it."""
    import pyarrow.parquet as pq

    for path in (data / "degraded").glob("*.parquet"):
        pq.write_table(pq.read_table(path).drop(["common"]), path)
    report = benchmark([data], ("lsd",), tmp_path / "report", ONE)
    assert result(report, 0, "coded", "lsd")["stimuli"] == 4
