"""Imports that are killed or meet a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from manifests import schema
from manifests.check import problems
from manifests.dataset import Dataset
from manifests.fragment import fragments
from tests.labels.importing.test_importing import run
from tests.labels.listening.listening_layouts import audio, own, table


def test_sigkill_loses_nothing_that_was_committed_and_the_rest_follows(tmp_path: Path) -> None:
    for seed in range(12):
        for i, name in enumerate(("reference", "a", "b")):
            audio(tmp_path / "in" / f"{seed}" / f"{name}.wav", seed, 0.02 * i)
    rows = [
        (f"{s}/reference.wav", f"{s}/{name}.wav", 50, str(s), who) for s in range(12) for name in "ab" for who in "xy"
    ]
    path = table(tmp_path / "in" / "t.csv", ("reference", "degraded", "score", "item", "listener"), rows)
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-c",
        "from labels.cli import main; main()",
        "import",
        "csv",
        str(path),
        "--out",
        str(out),
    ]
    killed = subprocess.Popen([*command, "--jobs", "1", "--quiet"], start_new_session=True)
    while not fragments(out / "degraded") and killed.poll() is None:
        time.sleep(0.005)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert run("csv", path, "--out", out).exit_code == 0
    dataset = Dataset(out)
    assert list(problems(dataset, deep=True)) == []
    assert dataset.degraded().num_rows == 24
    assert dataset.labels("listener").num_rows == 48
    assert {row["status"] for row in dataset.degraded().to_pylist()} == {schema.OK}


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    source = own(tmp_path / "in")
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "from labels.cli import main\n"
        "main()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, "import", "csv", str(source), "--out", str(tmp_path / "out"), "--jobs", "1", "-q"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    assert "File too large" in run.stderr
    assert not list((tmp_path / "out").rglob("*.flac"))
