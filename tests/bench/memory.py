"""Memory of a training process of the compact network at the paper's size, predicted and measured on a tenth.

    python -m tests.bench.memory [--rows 172000] [--share 0.1] [--steps 5] [--quick]

Tables of that many files are simulated, as in tests/bench/startup.py. `training fit --dry-run` predicts the memory of
a process for all of them and for the share. A process of its own then trains on the share: it reads the tables, draws
batches, describes every clip, keeps the moments of AdamW, and takes steps. Its fronts lie in a sparse file of zeros, so
that neither a disk nor hours are needed; nothing is decoded. Measured is the peak of its resident memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.startup import CLIP_S, simulate

FIT = [sys.executable, "-c", "from training.cli import main; main()", "fit"]


def predicted(folder: Path) -> int:
    """Return the bytes that a dry run of the command predicts for a process."""
    options = ["--out", str(folder / "run"), "--dry-run", "--json", "-o", "run.device=cpu"]
    done = subprocess.run([*FIT, str(folder), *options], capture_output=True, text=True, check=True)
    found: int = json.loads(done.stdout)["memory_bytes"]
    return found


def measure(folder: Path, steps: int) -> None:
    """Train for a few steps and print the peak of this process's memory in bytes."""
    import torch

    from deepaq.backbones.backbone import build
    from manifests.dataset import Dataset
    from training import recipe
    from training.data.cache import Cache, Form
    from training.data.store import InFile, Store
    from training.data.table import load
    from training.loop import evaluate
    from training.loop.trainer import Trainer

    settings, network = recipe.load("compact"), build("compact")
    rows = load(Dataset(folder), settings.data)
    held = evaluate.held_out(rows, settings.evaluation)
    shape = (round(CLIP_S * network.front_rate), 312)
    Store.audible = lambda *_: True  # type: ignore[method-assign]  # nothing is decoded here
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(4 * len(rows) * shape[0] * shape[1])
        fronts = InFile(file, [shape] * len(rows))
        source = Store(
            rows, Cache.of(rows, Form(network.sample_rate, network.channels), folder), network.front_rate, fronts
        )
        trainer = Trainer(settings, network, source.part(~rows.valid), source.part(held.choose), evaluate.ALONE)
        batches = trainer.sampler.stream(0)
        for step in range(steps):
            cut, own = next(batches)
            assert torch.isfinite(torch.tensor(trainer.learner.step(step, cut, own, [])["loss"]))
        batches.close()
    # The peak of this process alone; ru_maxrss would include the parent's.
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(1024 * int(line.split()[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=172_000, help="Files at full size.")
    parser.add_argument("--share", type=float, default=0.1, help="The share that is measured.")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.steps)
        return
    rows, share, steps = (1800, 0.5, 1) if options.quick else (options.rows, options.share, options.steps)
    with tempfile.TemporaryDirectory() as name:
        whole, part = Path(name) / "whole", Path(name) / "part"
        counts = [simulate(whole, rows), simulate(part, round(share * rows))]
        needs = [predicted(whole), predicted(part)]
        command = [sys.executable, "-m", "tests.bench.memory", "--measure", str(part), "--steps", str(steps)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured = int(done.stdout)
    print(f"{counts[0]:,} files: predicted {needs[0] / 2**30:.2f} GiB per process")
    print(f"{counts[1]:,} files: predicted {needs[1] / 2**30:.2f} GiB, measured {measured / 2**30:.2f} GiB")
    print(f"measured / predicted: {measured / needs[1]:.2f}")


if __name__ == "__main__":
    main()
