"""`labels visqol` from end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from labels.cli import main
from labels.rate import Settings, rate
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


@pytest.mark.parametrize("path", ["../outside.opus", "/etc/hostname"])
def test_a_tampered_path_is_a_failed_row_and_is_not_read(data: Path, path: str) -> None:
    fragment, *_ = fragments(data / "degraded")
    footer = read_footer(fragment)
    tampered = pq.read_table(fragment).to_pylist()
    tampered[0]["path"] = path
    fragment.unlink()
    write_fragment(data / "degraded", schema.DEGRADED, tampered, footer)
    result = rate(data, "visqol", ONE)
    assert (result["labelled"], result["failed"]) == (17, 1)
    assert "leads out of the data set" in result["errors"][0]


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
    subprocess.run([*command, str(data)], check=True)
    rate(tmp_path / "whole", "visqol", ONE)
    assert values(data) == pytest.approx(values(tmp_path / "whole"), abs=1e-9)
    rows = sum(pq.read_metadata(path).num_rows for path in fragments(data / "labels"))
    assert rows == 18
