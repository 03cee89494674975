"""`labels benchmark` on real listening tests, where they are at hand."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from labels.benchmark.stage import benchmark
from labels.importing.stage import import_test
from tests.labels.listening_layouts import table
from tests.labels.test_benchmark import IMPORT, ONE, result


@pytest.fixture(scope="module")
def sisec(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("sisec")
    imported = import_test("sisec08", shared / "listening" / "sebass_sisec08", folder / "data", IMPORT)
    assert (imported["ok"], imported["failed"], len(imported["errors"])) == (12, 142, 32)
    return benchmark([folder / "data"], ("2f",), folder / "report", ONE)


@pytest.mark.shared
def test_sisec08_holds_what_is_known_and_its_nine_pairs_are_scored(sisec) -> None:
    (test,) = sisec["tests"]
    counts = test["counts"]
    assert (counts["stimuli"], counts["ratings"], counts["listeners"]) == (154, 2156, 14)
    assert test["ceiling_of_all_rated"]["split_half"] == pytest.approx(0.979, abs=0.01)
    found = result(sisec, 0, "coded", "2f")
    assert found["stimuli"] == 9
    assert found["pcc"][0] == pytest.approx(0.98, abs=0.02)
    beside = next(row for row in sisec["paper"]["sisec08"] if row["rater"] == "2f")
    assert (beside["paper"], beside["coded"]) == (0.948, found["pcc"])


@pytest.mark.shared
def test_stahl_2024_visqol_is_what_plain_lines_find(shared: Path, tmp_path: Path) -> None:
    """Two items of the real test: the report's PCC of ViSQOL against a dozen lines that use nothing of ours."""
    import soxr
    from visqol import VisqolApi

    source = shared / "listening" / "stahl2024_codec_speech"
    with (source / "ratings_formated_filtered.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith(("stim_10", "stim_16"))]
    for row in rows:
        target = tmp_path / "in" / "audio" / row["file"]
        target.parent.mkdir(parents=True, exist_ok=True)
        if row["file"]:
            shutil.copyfile(source / "audio" / row["file"], target)
    listed = [[row[name] for name in rows[0]] for row in rows]
    table(tmp_path / "in" / "ratings_formated_filtered.csv", tuple(rows[0]), listed)
    import_test("stahl2024", tmp_path / "in", tmp_path / "data", IMPORT)
    report = benchmark([tmp_path / "data"], ("visqol",), tmp_path / "report", ONE)

    engine = VisqolApi()
    engine.create(mode="audio")

    def at_48k(name: str) -> np.ndarray:
        samples, rate = soundfile.read(source / "audio" / name, dtype="float32")
        return soxr.resample(samples.mean(axis=1), rate, 48_000, quality="HQ")

    rated = [row for row in rows if row["condition"] not in {"Reference", "Anchor"}]
    references = {row["signal"]: at_48k(row["file"]) for row in rows if row["condition"] == "Reference"}
    values = [
        engine.measure_from_arrays(references[row["signal"]], at_48k(row["file"]), 48_000).moslqo for row in rated
    ]
    means = [np.mean(json.loads(row["ratings"])) for row in rated]
    found = result(report, 0, "coded", "visqol")
    assert found["stimuli"] == len(rated) == 14
    assert found["pcc"][0] == pytest.approx(np.corrcoef(values, means)[0, 1], abs=1e-4)
