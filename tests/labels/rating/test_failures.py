"""Audio, paths and disks that fail: failed rows or one line, and a rerun completes."""

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
from tests.labels.rating.labelling import ONE, values
from tests.sounds import music, write


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


def test_sigkill_loses_and_doubles_nothing(data: Path, unlabelled: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", str(unlabelled), str(tmp_path / "whole")], check=True)
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
