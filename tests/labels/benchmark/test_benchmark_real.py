"""`labels benchmark` on real listening tests, where they are at hand."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from labels.benchmark.stage import benchmark
from labels.importing.stage import import_test
from tests.labels.benchmark.benchmarks import IMPORT, ONE, result


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
def test_stahl_2024_complete_and_visqol_is_what_plain_lines_find(shared: Path, tmp_path: Path) -> None:
    """The whole real test; ViSQOL's values of one item and its PCC of all again by lines that use nothing of ours."""
    import soxr
    from visqol import VisqolApi

    source = shared / "listening" / "stahl2024_codec_speech"
    import_test("stahl2024", source, tmp_path / "data", IMPORT)
    as_shipped = replace(ONE, options=(("visqol.engine", "fast"),))
    report = benchmark([tmp_path / "data"], ("visqol",), tmp_path / "report", as_shipped)
    found, with_references = (result(report, 0, name, "visqol") for name in ("coded", "coded + reference"))
    assert (found["stimuli"], with_references["stimuli"]) == (112, 128)
    # Measured before with the package alone: PCC and SRCC, with an interval of [.31, .59] for the first.
    assert [found["pcc"][0], found["srcc"][0]] == pytest.approx([0.44, 0.45], abs=0.006)
    assert [with_references["pcc"][0], with_references["srcc"][0]] == pytest.approx([0.68, 0.63], abs=0.006)
    assert found["pcc"][1:] == pytest.approx([0.31, 0.59], abs=0.06)
    assert report["tests"][0]["ceiling_of_all_rated"]["split_half"] == pytest.approx(0.83, abs=0.015)

    engine = VisqolApi()
    engine.create(mode="audio")

    def at_48k(name: str) -> np.ndarray:
        samples, rate = soundfile.read(source / "audio" / name, dtype="float32")
        return soxr.resample(samples.mean(axis=1), rate, 48_000, quality="HQ")

    with (source / "ratings_formated_filtered.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["condition"] not in {"Reference", "Anchor"}]
    ours = {(row["item"], row["condition"]): row["values"]["visqol"] for row in report["tests"][0]["stimuli"]}
    for row in rows:
        if row["file"].startswith("stim_10"):
            reference = at_48k(f"{row['file'].partition('/')[0]}/ref.wav")
            value = engine.measure_from_arrays(reference, at_48k(row["file"]), 48_000).moslqo
            assert ours[row["signal"], row["condition"]] == pytest.approx(value, abs=1e-5)
    values = [ours[row["signal"], row["condition"]] for row in rows]
    means = [np.mean(json.loads(row["ratings"])) for row in rows]
    assert found["pcc"][0] == pytest.approx(np.corrcoef(values, means)[0, 1], abs=1e-9)
