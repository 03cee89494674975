"""`labels visqol` from end to end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from labels.cli import main
from labels.rating.stage import Settings, rate
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer, write_fragment
from tests.labels.rating.labelling import ONE, values


def test_every_version_gets_a_finite_label(data: Path) -> None:
    result = rate(data, "visqol", ONE)
    assert (result["labelled"], result["failed"], result["skipped"]) == (18, 0, 0)
    assert result["audio_seconds"] == pytest.approx(36, abs=0.01)
    labels = Dataset(data).labels("visqol").to_pylist()
    assert all(1 <= row["value"] <= 4.7322 and row["scale"] == "MOS-LQO" for row in labels)
    footer = read_footer(fragments(data / "labels" / "rater=visqol")[0])
    assert footer["tools"]["visqol-python"] == "3.8.0"


def test_higher_bitrates_get_higher_labels(data: Path) -> None:
    rate(data, "visqol", ONE)
    found = values(data)
    means = {}
    for row in Dataset(data).degraded().to_pylist():
        means.setdefault((row["codec"], row["bitrate_kbps"]), []).append(found[row["degraded_id"]])
    for codec in ("mp3", "aac"):
        assert sum(means[codec, 32.0]) < sum(means[codec, 128.0])


def test_processes_change_nothing_and_a_rerun_does_nothing(data: Path, unlabelled: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", str(unlabelled), str(tmp_path / "two")], check=True)
    rate(data, "visqol", ONE)
    rate(tmp_path / "two", "visqol", Settings(jobs=2, quiet=True))
    assert values(data) == pytest.approx(values(tmp_path / "two"), abs=1e-9)
    before = fragments(data)
    again = rate(data, "visqol", ONE)
    assert (again["labelled"], again["audio_seconds"]) == (18, 0)
    assert fragments(data) == before


def test_options_are_the_rater_s_and_stand_in_the_footer(data: Path) -> None:
    run = CliRunner().invoke(
        main, ["visqol", str(data), "--conditions", "mp3-*", "--timeline", "--engine", "shipped", "--jobs", "1", "-q"]
    )
    assert run.exit_code == 0, run.output
    rows = Dataset(data).labels("visqol").to_pylist()
    # Two seconds hold two patches, fewer than the four seconds asked for.
    assert all(row["timeline"] == [pytest.approx(row["value"], abs=1e-6)] for row in rows)
    assert dict(rows[0]["extras"])["timeline_hop_s"] == pytest.approx(0.6)
    footer = read_footer(fragments(data / "labels")[0])
    assert footer["settings"]["options"] == {"engine": "shipped", "timeline": "4"}
    for bad in (["-o", "colour=red"], ["-o", "engine=slow"], ["-o", "timeline=x"], ["-o", "engine"]):
        run = CliRunner().invoke(main, ["rate", str(data), "--rater", "visqol", *bad])
        assert run.exit_code == 2
        assert run.stderr.startswith("error: ")
        assert len(run.stderr.splitlines()) == 1


def test_versions_without_audio_are_skipped(data: Path) -> None:
    row: dict[str, Any] = Dataset(data).degraded().to_pylist()[0]
    failed = row | {"degraded_id": "0" * 24, "path": None, "status": schema.FAILED, "error": "could not be coded"}
    write_fragment(data / "degraded", schema.DEGRADED, [failed], {"schema_version": 1})
    result = rate(data, "visqol", ONE)
    assert (result["labelled"], result["skipped"]) == (18, 1)


def test_shards_together_are_the_whole(data: Path) -> None:
    counts = [rate(data, "visqol", Settings(jobs=1, quiet=True, shard=(i, 2)))["labelled"] for i in range(2)]
    assert sum(counts) == 18
    assert len(values(data)) == 18


def test_dry_run_labels_nothing(data: Path) -> None:
    run = CliRunner().invoke(main, ["visqol", str(data), "--dry-run", "--json"])
    assert json.loads(run.stdout) == {"clips": 3, "versions": 18, "skipped": 0}
    assert not (data / "labels").exists()


def test_no_data_set_is_exit_2(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["visqol", str(tmp_path)])
    assert run.exit_code == 2
    assert "prep transcode" in run.stderr


def test_on_a_cluster_options_name_files_by_where_all_find_them(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clean").mkdir()
    monkeypatch.chdir(tmp_path)
    command = [
        "rate",
        str(data),
        "--rater",
        "deepaq-nmr",
        "--option",
        "references=clean",
        "--dask",
        "tcp://127.0.0.1:9",
    ]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert f"workers run in other folders than this one; give references={tmp_path / 'clean'}" in result.stderr


def test_batches_give_the_labels_of_single_pairs(data: Path) -> None:
    """A device other than the CPU takes the degraded clips of a reference together; `auto` is the CPU without a GPU."""
    broken = Dataset(data).degraded().to_pylist()[0]
    (data / broken["path"]).write_bytes(b"no audio")
    found = {}
    for tag, device in (("one", "cpu"), ("batch", "auto")):
        options = (("model", "compact-2026a"), ("device", device))
        result = rate(data, f"deepaq-fr+{tag}", Settings(jobs=1, quiet=True, options=options))
        assert (result["labelled"], result["failed"]) == (17, 1)
        found[tag] = {row["degraded_id"]: row for row in Dataset(data).labels(f"deepaq-fr+{tag}").to_pylist()}
    for name, row in found["one"].items():
        assert found["batch"][name]["error"] == row["error"]
        assert found["batch"][name]["value"] == (row["value"] and pytest.approx(row["value"], rel=1e-4, abs=1e-5))
