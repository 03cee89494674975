"""`labels visqol` from end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from deepaq.files import file_sha256
from labels.cli import main
from labels.rating.stage import Settings, rate
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer, write_fragment
from prep.transcode import Settings as PrepSettings
from prep.transcode import transcode
from tests.sounds import music, write

ONE = Settings(jobs=1, quiet=True)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips of 2 s in six conditions, unlabelled."""
    folder = tmp_path_factory.mktemp("labels")
    for seed in range(3):
        write(folder / "music" / f"{seed}.wav", music(2, seed))
    transcode([folder / "music"], folder / "data", PrepSettings(bitrates=(32, 128), clip_s=2, jobs=1, quiet=True))
    return folder / "data"


@pytest.fixture
def data(source: Path, tmp_path: Path) -> Path:
    subprocess.run(["cp", "-r", str(source), str(tmp_path / "data")], check=True)
    return tmp_path / "data"


def values(data: Path) -> dict[str, float]:
    return {row["degraded_id"]: row["value"] for row in Dataset(data).labels("visqol").to_pylist()}


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


def test_processes_change_nothing_and_a_rerun_does_nothing(data: Path, source: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", str(source), str(tmp_path / "two")], check=True)
    rate(data, "visqol", ONE)
    rate(tmp_path / "two", "visqol", Settings(jobs=2, quiet=True))
    assert values(data) == pytest.approx(values(tmp_path / "two"), abs=1e-9)
    before = fragments(data)
    again = rate(data, "visqol", ONE)
    assert (again["labelled"], again["audio_seconds"]) == (18, 0)
    assert fragments(data) == before


def test_bad_audio_becomes_failed_rows_and_a_retry_mends_them(data: Path) -> None:
    rows = Dataset(data).degraded().to_pylist()
    missing, changed = data / rows[0]["path"], data / rows[1]["path"]
    kept = missing.read_bytes(), changed.read_bytes()
    missing.unlink()
    changed.write_bytes(b"not audio")
    run = CliRunner().invoke(main, ["visqol", str(data), "--jobs", "1", "--json", "--quiet"])
    assert run.exit_code == 1
    result = json.loads(run.stdout.splitlines()[-1])
    assert (result["labelled"], result["failed"]) == (16, 2)
    assert "is missing" in run.stderr
    assert "differs from its checksum" in run.stderr
    failed = [row for row in Dataset(data).labels("visqol").to_pylist() if row["status"] == schema.FAILED]
    assert [row["value"] for row in failed] == [None, None]
    missing.write_bytes(kept[0])
    changed.write_bytes(kept[1])
    assert rate(data, "visqol", ONE)["failed"] == 2
    assert rate(data, "visqol", Settings(jobs=1, quiet=True, retry_failed=True))["failed"] == 0


def change_rows(data: Path, spec: schema.TableSpec, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Rewrite the first fragment of a table."""
    fragment, *_ = fragments(data / spec.name)
    rows = pq.read_table(fragment, partitioning=None).to_pylist()
    change(rows)
    write_fragment(data / spec.name, spec, rows, read_footer(fragment))
    fragment.unlink()


def snapshot(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize(("table", "left"), [(schema.DEGRADED, 17), (schema.REFERENCES, 12)])
@pytest.mark.parametrize("path", ["../outside.flac", "{outside}", "audio/link.flac"])
def test_a_tampered_path_is_a_failed_row_and_is_not_read(
    data: Path, table: schema.TableSpec, left: int, path: str
) -> None:
    outside = write(data.parent / "outside.flac", music(2))
    (data / "audio" / "link.flac").symlink_to(outside)

    def tamper(rows: list[dict[str, Any]]) -> None:
        rows[0] |= {"path": path.format(outside=outside), "sha256": file_sha256(outside)}

    change_rows(data, table, tamper)
    before = snapshot(data.parent)
    result = rate(data, "visqol", ONE)
    assert (result["labelled"], result["failed"]) == (left, 18 - left)
    assert all("out of the data set" in error for error in result["errors"])
    labels = str(data / "labels")
    after = {path: time for path, time in snapshot(data.parent).items() if not path.startswith(labels)}
    assert {**after, str(data): 0} == {**before, str(data): 0}


def test_audio_that_cannot_be_decoded_or_rated_is_a_failed_row(data: Path) -> None:
    rows = [row for row in Dataset(data).degraded().to_pylist() if row["codec"] == "mp3"]
    broken, silent = data / rows[0]["path"], data / rows[1]["path"]
    broken.write_bytes(bytes(4000))
    write(silent.with_suffix(".wav"), np.zeros((88_200, 2), np.float32)).replace(silent)

    def believe(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["sha256"] = file_sha256(data / row["path"])

    for _ in fragments(data / "degraded"):
        change_rows(data, schema.DEGRADED, believe)
    result = rate(data, "visqol", ONE)
    assert (result["labelled"], result["failed"]) == (16, 2)
    assert any("cannot be decoded" in error for error in result["errors"])
    assert any("is silent" in error for error in result["errors"])


def test_a_full_disk_is_one_line_and_a_rerun_completes(data: Path) -> None:
    command = [sys.executable, "-c", "from labels.cli import main; main()", "visqol", "--jobs", "1", "-q", str(data)]
    small = 'ulimit -f 4; exec "$@"'  # files of at most 4 blocks: writing a fragment fails, as on a full disk
    run = subprocess.run(["bash", "-c", small, "bash", *command], capture_output=True, text=True)
    assert run.returncode == 2, run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert "File too large" in run.stderr
    assert fragments(data / "labels") == []
    assert not list((data / "labels").rglob("*.parquet"))
    assert rate(data, "visqol", ONE)["labelled"] == 18


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


def test_sigkill_loses_and_doubles_nothing(data: Path, source: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", str(source), str(tmp_path / "whole")], check=True)
    command = [sys.executable, "-c", "from labels.cli import main; main()", "visqol", "--jobs", "1", "--quiet"]
    killed = subprocess.Popen([*command, str(data)], start_new_session=True)
    while not fragments(data / "labels") and killed.poll() is None:
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert 0 < len(values(data)) < 18
    rate(data, "visqol", ONE)
    rate(tmp_path / "whole", "visqol", ONE)
    assert values(data) == pytest.approx(values(tmp_path / "whole"), abs=1e-9)
    rows = sum(pq.read_metadata(path).num_rows for path in fragments(data / "labels"))
    assert rows == 18


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
