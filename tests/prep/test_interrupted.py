"""Runs of `prep transcode` that a signal, a second run or a full disk disturbs: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deepaq.files import PARTIAL
from manifests import schema
from manifests.check import problems
from manifests.dataset import Dataset
from prep.cli import main
from tests.prep.test_robust import table
from tests.sounds import music, write

COMMAND = [sys.executable, "-c", "from prep.cli import main; main()", "transcode"]
QUICK = ["--codecs", "opus,mp3", "--bitrates", "64", "--clip", "2", "--quiet", "--json"]
VERSIONS = 4 * 2 * 2  # sources, clips, conditions


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs") / "music"
    for seed in range(4):
        write(folder / f"{seed}.wav", music(4, seed))
    return folder


@pytest.fixture(scope="module")
def undisturbed(sources: Path) -> Path:
    out = sources.parent / "undisturbed"
    assert finished(sources, out)["ok"] == VERSIONS
    return out


def finished(sources: Path, out: Path) -> dict[str, Any]:
    """What the command prints that does all that is left to do in `out`."""
    done = CliRunner().invoke(main, ["transcode", str(sources), "--out", str(out), "--jobs", "1", *QUICK])
    assert done.exit_code == 0, done.output
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def assert_whole(out: Path, undisturbed: Path) -> None:
    for spec in (schema.REFERENCES, schema.DEGRADED):
        assert table(out, spec) == table(undisturbed, spec)
    assert list(problems(Dataset(out), deep=True)) == []


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_loses_and_doubles_nothing(
    sources: Path, undisturbed: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    jobs = "1" if sent == signal.SIGHUP else "2"
    command = [*COMMAND, str(sources), "--out", str(tmp_path / "data"), "--jobs", jobs, *QUICK]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    # As soon as something is committed, somewhere in the middle of the work.
    while not list((tmp_path / "data").glob("degraded/*.parquet")) and process.poll() is None:
        time.sleep(0.02)
    if sent != signal.SIGKILL:
        process.send_signal(sent)
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 130
        assert complaint.splitlines()[-1].startswith("error: interrupted; ")
        assert sent != signal.SIGHUP or not list((tmp_path / "data").rglob(f"{PARTIAL}*"))
    else:
        os.killpg(process.pid, sent)
        process.communicate()
    assert finished(sources, tmp_path / "data")["ok"] == VERSIONS
    assert_whole(tmp_path / "data", undisturbed)


def test_two_runs_at_once_on_one_folder(sources: Path, undisturbed: Path, tmp_path: Path) -> None:
    command = [*COMMAND, str(sources), "--out", str(tmp_path / "data"), "--jobs", "1", *QUICK]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for run in runs:
        output, complaint = run.communicate()
        assert run.returncode == 0, complaint
        assert json.loads(output.splitlines()[-1])["ok"] == VERSIONS
    assert_whole(tmp_path / "data", undisturbed)


def test_a_full_disk_ends_the_run_and_loses_nothing(sources: Path, undisturbed: Path, tmp_path: Path) -> None:
    """On a small file system of its own, in a mount namespace; the disk is full twice, at different places."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "--map-root-user", "--mount", "true"]).returncode:
        pytest.skip("no mount namespaces here")
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    script = (
        'mount -t tmpfs -o size=$1 tmpfs "$2"; mkdir -p "$3"; cp -a "$3" "$2/data"; shift; disk=$1; kept=$2; shift 2;'
        ' "$@"; code=$?; rm -rf "$kept"; cp -a "$disk/data" "$kept"; exit $code'
    )
    references, versions = (
        sum(path.stat().st_size for path in (undisturbed / "audio" / part).rglob("*") if path.is_file())
        for part in ("references", "degraded")
    )
    for size, code in ((references // 2, 2), (references + versions // 2, 2), (1 << 26, 0)):
        command = [*COMMAND, str(sources), "--out", str(disk / "data"), "--jobs", "1", *QUICK]
        run = subprocess.run(
            [
                "unshare",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                script,
                "sh",
                str(size),
                str(disk),
                str(kept),
                *command,
            ],
            capture_output=True,
            text=True,
        )
        assert run.returncode == code, run.stderr
        if code:
            assert "No space left on device; fix this and run the command again" in run.stderr.splitlines()[-1]
            assert not [row for row in table(kept, schema.REFERENCES) if row["status"] != schema.OK]
    assert_whole(kept, undisturbed)
