"""Seconds until `training fit` refuses what cannot work, at the size of a laboratory.

    python -m tests.bench.refusals [--rows 687000] [--quick]

Tables of that many files are simulated, as in tests/bench/startup.py; if they would fit on this disk once decoded, the
clips are longer. The command itself is started as eight processes would start it with a batch that eight cannot share,
with weights that are not there, and on a disk that cannot hold the decoded audio. Each has to end with exit code 2 and
one line, and leave no run folder behind; else this script ends with 1.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.startup import CLIP_S, simulate

RATE = 24_000
FIT = [sys.executable, "-c", "from training.cli import main; main()", "fit"]


def refused(data: Path, *overrides: str, **environment: str) -> tuple[str, float, float]:
    """Return the line that the command ends with, its seconds of wall time, and those of the CPU."""
    out = data / "run"
    options = [part for override in overrides for part in ("-o", override)]
    before, begun = _cpu_s(), time.perf_counter()
    done = subprocess.run(
        [*FIT, str(data), "--out", str(out), *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    wall_s, cpu_s = time.perf_counter() - begun, _cpu_s() - before
    lines = done.stderr.strip().splitlines()
    if done.returncode != 2 or len(lines) != 1 or out.exists():
        sys.exit(f"exit code {done.returncode}, a run folder: {out.exists()}\n{done.stderr}")
    return lines[0], wall_s, cpu_s


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=687_000)
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    rows = 900 if options.quick else options.rows
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        fill_s = 2 * shutil.disk_usage(data).free / (rows * 2 * RATE)
        print(f"{simulate(data, rows, max(CLIP_S, round(fill_s))):,} files", flush=True)
        ranks = {"WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "8", "RANK": "0", "LOCAL_RANK": "0"}
        cases = {
            "eight processes": lambda: refused(data, "data.clips=3", "data.versions=7", **ranks),
            "no weights": lambda: refused(data, f"backbone.init={data / 'nowhere'}", "backbone.name=mert"),
            "too little disk": lambda: refused(data),
        }
        for title, case in cases.items():
            line, wall_s, cpu_s = case()
            print(f"{title:<16} {wall_s:6.1f} s, {cpu_s:.1f} CPU s: {line.replace(name, 'DATA')}", flush=True)


if __name__ == "__main__":
    main()
