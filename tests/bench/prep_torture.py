"""Recovery of `prep transcode` by a rerun after SIGKILL at random moments, two runs at once, and full disks.

    python -m tests.bench.prep_torture [KILLS] [SEED] [--quick]

Every case ends with an undisturbed rerun, whose tables must equal those of a run that was never disturbed, and with
`manifests check --deep`. Kills go to the whole process group. Full disks need mount namespaces (unshare).
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa

from manifests import schema
from manifests.check import problems
from manifests.dataset import Dataset
from prep.synth import write_tracks

COMMAND = [sys.executable, "-c", "from prep.cli import main; main()", "transcode"]
CONDITIONS = ["--bitrates", "32,64,96", "--distortions", "noise-3", "--clip", "4", "--quiet"]
QUICK = ["--codecs", "mp3", "--bitrates", "64", "--clip", "4", "--quiet"]
ON_A_SMALL_DISK = (
    'mount -t tmpfs -o size=$1 tmpfs "$2"; mkdir -p "$3"; cp -a "$3" "$2/data"; shift; disk=$1; kept=$2; shift 2;'
    ' "$@"; code=$?; rm -rf "$kept"; cp -a "$disk/data" "$kept"; exit $code'
)


def tables(out: Path) -> list[pa.Table]:
    return [Dataset(out).table(spec).sort_by(spec.key[0]) for spec in (schema.REFERENCES, schema.DEGRADED)]


class Torture:
    """A folder of music, an undisturbed run on it, and ways to disturb others."""

    def __init__(self, folder: Path, minutes: float, conditions: Sequence[str] = CONDITIONS, jobs: int = 2) -> None:
        self.folder, self.music, self.conditions, self.jobs = folder, folder / "music", conditions, jobs
        write_tracks(self.music, minutes=minutes, seed=0, jobs=1)
        began = time.perf_counter()
        self.run(folder / "whole")
        self.seconds = time.perf_counter() - began
        self.whole = tables(folder / "whole")

    def command(self, out: Path) -> list[str]:
        return [*COMMAND, str(self.music), "--out", str(out), "--jobs", str(self.jobs), *self.conditions]

    def run(self, out: Path) -> None:
        subprocess.run(self.command(out), check=True, capture_output=True)

    def report(self, what: str, out: Path) -> bool:
        """Rerun, compare, check; print one line and return whether all is well."""
        self.run(out)
        wrong = list(problems(Dataset(out), deep=True))
        good = tables(out) == self.whole and not wrong
        print(f"{what}: {'all is well' if good else f'BROKEN {wrong[:3]}'}", flush=True)
        return good

    def killed(self, out: Path, share: float, wait: float) -> str:
        """Kill `wait` seconds after a share of the fragments is written, so that busy machines test every phase too."""
        target = round(share * len(list((self.folder / "whole").rglob("*.parquet"))))
        process = subprocess.Popen(
            self.command(out), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while len(list(out.glob("*/[0-9]*.parquet"))) < target and process.poll() is None:
            time.sleep(0.01)
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        rows = Dataset(out).degraded().num_rows if (out / "degraded").is_dir() else 0
        return f"SIGKILL {wait:.2f} s after {share:.0%}, {rows} of {self.whole[1].num_rows} rows committed"

    def twice(self, out: Path) -> str:
        runs = [
            subprocess.Popen(self.command(out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)
        ]
        return f"two runs at once, exit codes {[run.wait() for run in runs]}"

    def full(self, out: Path, size: int) -> str:
        disk = self.folder / "disk"
        disk.mkdir(exist_ok=True)
        command = ["unshare", "--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh", str(size), str(disk)]
        run = subprocess.run([*command, str(out), *self.command(disk / "data")], capture_output=True, text=True)
        return f"disk of {size / 2**20:.1f} MiB, exit code {run.returncode} ({run.stderr.strip().splitlines()[-1:]})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int, nargs="?", default=20)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    kills = 1 if options.quick else options.kills
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        torture = Torture(Path(name), 0.14, QUICK, jobs=1) if options.quick else Torture(Path(name), 1.5)
        size = sum(path.stat().st_size for path in (torture.folder / "whole").rglob("*") if path.is_file())
        print(f"undisturbed: {torture.seconds:.1f} s, {torture.whole[1].num_rows} rows, {size / 2**20:.1f} MiB")
        moments = [(rng.uniform(0, 0.95), rng.uniform(0, 1)) for _ in range(kills)]
        ways: list[Callable[[Path], str]] = [partial(torture.killed, share=s, wait=w) for s, w in moments]
        if not options.quick:
            ways += [torture.twice, torture.twice]
        if not options.quick and shutil.which("unshare"):
            ways += [partial(torture.full, size=int(size * share)) for share in (0.2, 0.5, 0.8)]
        good = [
            torture.report(way(torture.folder / f"out{n}"), torture.folder / f"out{n}") for n, way in enumerate(ways)
        ]
    print(f"{sum(good)} of {len(good)} came out whole")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
