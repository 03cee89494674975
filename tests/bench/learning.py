"""What LoRA, full fine-tuning and a frozen transformer learn, at the size of a test.

    python -m tests.bench.learning [--steps 100] [--seeds 1] [--modes lora,full,head]

A transformer of the MERT family with three layers and random weights is trained by the recipe `deepaq` on 16 synthetic
tracks in fifteen conditions, and judged on 8 others: SRCC with the label for full and non-matching references, with
95 % intervals over tracks, the share of pairs of different damage in the right order, and CPU seconds.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import torch


def figures(found: dict[str, Any]) -> str:
    full, unmatched = found["full"]["all"], found["unmatched"]["all"]
    low, high = full["srcc_interval"] or (float("nan"), float("nan"))
    pairs = found["full"]["codecs"]["cross_codec"]
    return f"{full['srcc']:.3f} [{low:.3f}, {high:.3f}] | {pairs:.3f} | {unmatched['srcc']:.3f}"


def main() -> None:
    from tests.training.learning import data, learned

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--modes", default="lora,full,head")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    length = [f"max_steps={options.steps}", f"epoch_steps={options.steps}"]
    print("| seed | trained | FR SRCC | FR pairs | NMR SRCC | CPU s |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for seed in range(options.seeds):
            store = data(Path(name) / f"{seed}", seed)
            for mode in options.modes.split(","):
                begun = time.process_time()
                run = Path(name) / f"{seed}-{mode}"
                before, after = learned(run, store, f"backbone.mode={mode}", f"seed={seed}", *length)
                print(f"| {seed} | {mode}, untrained | {figures(before)} | |", flush=True)
                print(f"| {seed} | {mode} | {figures(after)} | {time.process_time() - begun:.0f} |", flush=True)


if __name__ == "__main__":
    main()
