"""One damaged file among ten thousand: `training fit` comes to its end, names the file, and loses nothing else.

    python -m tests.bench.damage [--rows 10000]

A data set of that many files of one second of noise is made, and one degraded file is damaged. The command trains for
two steps. Printed are the files that the run lists as left out, and how many it was trained and judged on. The script
ends with 1 if the command does, or if another file is missing.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tests.bench.startup import CLIPS_PER_TRACK, PER_CLIP, RATE, simulate

FIT = [sys.executable, "-c", "from training.cli import main; main()", "fit"]
SMALL = ["backbone.width=16", "backbone.blocks=1", "data.segment_s=0.5", "max_steps=2", "epoch_steps=2"]


def noise(path: Path) -> str:
    """Write a second of noise that depends on the file's name, and return its checksum."""
    rng = np.random.default_rng(int(path.stem[:8], 16))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * rng.standard_normal(RATE).astype(np.float32), RATE)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data, run = Path(name) / "data", Path(name) / "run"
        there = simulate(data, options.rows, 1, noise)
        damaged = next((data / "audio/degraded").rglob("*.flac"))
        damaged.write_bytes(damaged.read_bytes()[:-1000])
        overrides = [part for override in SMALL for part in ("-o", override)]
        done = subprocess.run([*FIT, str(data), "--out", str(run), "-q", *overrides], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        listed = [Path(row["path"]).name for row in csv.DictReader((run / "skipped.csv").open())]
        trained = json.loads((run / "model.json").read_text())["info"]["data"]["rows"]
        judged = len(list(csv.DictReader((run / "held-out.csv").open())))
    clean = sum(clip // CLIPS_PER_TRACK % 10 == 0 for clip in range(there // PER_CLIP))  # of the held-out clips
    print(f"{there:,} files; left out: {', '.join(listed)}")
    print(f"trained on {trained:,}, judged on {judged:,} degraded and {clean:,} clean ones")
    if listed != [damaged.name] or trained + judged + clean != there - 1:
        sys.exit(f"damaged was {damaged.name} alone")


if __name__ == "__main__":
    main()
