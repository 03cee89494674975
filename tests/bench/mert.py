"""Cost of a training step of the MERT backbone, relative to its forward pass and to the obvious implementation.

    python -m tests.bench.mert [ROUNDS] [BATCH] [SECONDS] [--quick]

The obvious implementation requests all hidden states from the library and leaves the front end in the gradient. Uses
the real size with random weights, which cost the same. Every round measures all ways one after another, in CPU seconds
of one thread; ratios are formed within a round. Memory is the increase of the peak of a process of its own. Operations
are counted by torch. A backward pass through frozen layers needs about as many as their forward pass: their ratio is
what a step can reach.
"""

from __future__ import annotations

import argparse
import logging
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from deepaq.backbones import transformer
from deepaq.backbones.mert import Mert

TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
        "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}  # fmt: skip
WAYS = ("forward", "step", "step bf16", "step checkpointing", "naive step")


def vectors(backbone: Mert, samples: Tensor, naive: bool) -> Tensor:
    if not naive:
        return backbone.embed(samples)
    states = backbone.network(transformer.normalised(samples), output_hidden_states=True).hidden_states
    return backbone.head(torch.stack([state.mean(dim=1) for state in states], dim=1).flatten(1))


def run(way: str, backbone: Mert, samples: Tensor) -> float:
    """CPU seconds of one pass."""
    naive = way.startswith("naive")
    backbone.network.feature_extractor._requires_grad = naive
    backbone.checkpointing = way.endswith("checkpointing")
    begin = time.process_time()
    if way == "forward":
        with torch.no_grad():
            vectors(backbone, samples, naive)
        return time.process_time() - begin
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way.endswith("bf16")):
        found = vectors(backbone, samples, naive)
    found.square().mean().backward()
    seconds = time.process_time() - begin
    backbone.zero_grad()
    return seconds


def operations(way: str, backbone: Mert, samples: Tensor) -> float:
    """Floating-point operations of one pass: of matrix products, convolutions, and attention without recomputing."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as found:
        run(way, backbone, samples)
    return found.get_total_flops()


def peak_mb() -> float:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def prepared(batch: int, seconds: int, tiny: bool = False) -> tuple[Mert, Tensor]:
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return Mert(init="random", config=TINY if tiny else None).train(), 0.1 * torch.randn(
        batch, seconds * Mert.sample_rate
    )


def main() -> None:
    if sys.argv[1:2] == ["memory"]:
        backbone, samples = prepared(int(sys.argv[3]), int(sys.argv[4]))
        run(sys.argv[2], backbone, samples[:1, : Mert.sample_rate])
        before = peak_mb()
        run(sys.argv[2], backbone, samples)
        print(peak_mb() - before)
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rounds", 3), ("batch", 4), ("seconds", 5)):
        parser.add_argument(name, type=int, nargs="?", default=default)
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    rounds, batch, seconds = (1, 1, 1) if options.quick else (options.rounds, options.batch, options.seconds)
    backbone, samples = prepared(batch, seconds, options.quick)
    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            spent[way].append(run(way, backbone, samples))
    memory = dict.fromkeys(WAYS, math.nan)
    for way in () if options.quick else WAYS:
        command = [sys.executable, "-m", "tests.bench.mert", "memory", way, str(batch), str(seconds)]
        memory[way] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"batch of {batch} x {seconds} s, {rounds} rounds")
    for way, values in spent.items():
        low, high = min(values), max(values)
        print(f"{way:<20} {statistics.median(values):6.2f} CPU s  [{low:.2f}, {high:.2f}]  {memory[way]:6.0f} MB added")
    counts = {way: operations(way, backbone, samples) for way in ("forward", "step", "naive step")}
    for over, under in (("step", "forward"), ("naive step", "step")):
        ratios = sorted(a / b for a, b in zip(spent[over], spent[under], strict=True))
        print(
            f"{over} / {under}: {statistics.median(ratios):.2f}  [{ratios[0]:.2f}, {ratios[-1]:.2f}] in CPU seconds,"
            f" {counts[over] / counts[under]:.2f} in floating-point operations,"
            f" {memory[over] / memory[under]:.2f} in memory"
        )


if __name__ == "__main__":
    main()
