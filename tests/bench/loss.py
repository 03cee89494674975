"""Cost of Rank-N-Contrast: speed relative to a loop over the formula, and memory for large batches.

    python -m tests.bench.loss [ROUNDS] [--quick]

The loop form, in which the loss was published, walks over the keys and compares all pairs with each: time and memory
grow with the cube of the batch size. CPU seconds for forward and backward passes in 256 dimensions; rounds are
interleaved. Calls of torch's operators are those of the whole loss, over MOS and bitrate, and its gradient.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

from tests.bench.parts.operators import of_loss
from training.objective.loss import TAU, pairwise_distances, rank_n_contrast
from training.settings import Objective

DIMS = 256


def batch(size: int) -> tuple[Tensor, Tensor]:
    """(N, 1, dims) points and (N,) labels; every seventh sample is clean."""
    generator = torch.Generator().manual_seed(0)
    labels = 1 + 3.7 * torch.rand(size, generator=generator)
    labels[::7] = 4.732
    return torch.randn(size, 1, DIMS, generator=generator).requires_grad_(), labels


def sorted_form(points: Tensor, labels: Tensor) -> Tensor:
    return rank_n_contrast(pairwise_distances(points), labels).value


def loop_form(points: Tensor, labels: Tensor) -> Tensor:
    """Equation 1 of Zha et al. (2023): for anchor i and key j, sum over the keys at least as far away as j."""
    size = len(points)
    distances = (points - points.squeeze(1)[None]).norm(dim=-1)
    others = ~torch.eye(size, dtype=torch.bool)
    logits = (-distances / TAU)[others].view(size, size - 1)
    apart = (labels[:, None] - labels[None, :]).abs()[others].view(size, size - 1)
    total = torch.zeros(())
    for j in range(size - 1):
        farther = (apart >= apart[:, j : j + 1]).float()
        total = total - (logits[:, j] - (farther * logits.exp()).sum(dim=1).log()).sum()
    return total / (size * (size - 1))


def spent(form: str, size: int, repeats: int = 1) -> float:
    points, labels = batch(size)
    begin = time.process_time()
    for _ in range(repeats):
        globals()[form](points, labels).backward()
    return (time.process_time() - begin) / repeats


def peak_mb() -> float:
    """Peak memory of this process alone; ru_maxrss would include the parent's."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def measure(form: str, size: int) -> None:
    """Print CPU seconds and added memory of forward and backward passes; run in a process of its own."""
    spent(form, 8)
    before = peak_mb()
    seconds = spent(form, size)
    print(seconds, peak_mb() - before)


def main() -> None:
    torch.set_num_threads(1)  # waiting threads would count as CPU seconds
    if sys.argv[1:2] == ["sorted_form"]:
        measure(sys.argv[1], int(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", type=int, nargs="?", default=7)
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    size, large = (16, (32,)) if options.quick else (256, (1024, 2048))
    points, labels = batch(size)
    values = [float(globals()[form](points, labels).detach()) for form in ("sorted_form", "loop_form")]
    print(f"N = {size}: sorted {values[0]:.6f}, loop {values[1]:.6f}")
    spent("sorted_form", size)
    times: dict[str, list[float]] = {"sorted_form": [], "loop_form": []}
    for _ in range(options.rounds):
        for form, repeats in (("sorted_form", 10), ("loop_form", 1)):
            times[form].append(spent(form, size, repeats))
    for form, values in times.items():
        print(
            f"{form:<12} {1e3 * statistics.median(values):8.1f} CPU ms  "
            f"[{1e3 * min(values):.1f}, {1e3 * max(values):.1f}]"
        )
    ratios = sorted(slow / fast for fast, slow in zip(*times.values(), strict=True))
    print(f"loop / sorted: {statistics.median(ratios):.1f}  [{ratios[0]:.1f}, {ratios[-1]:.1f}]")
    calls = of_loss(4, 3, 1, Objective()), of_loss(8, 3, 64, Objective(1.0, 1.0, 1.0))
    print(
        f"calls of operators: {calls[0]} in the loss of the paper's recipe, {calls[1]} in that of the compact network"
    )
    for size in large:
        command = [sys.executable, "-m", "tests.bench.loss", "sorted_form", str(size)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        print(f"N = {size}: {float(output[0]):.2f} CPU s, {float(output[1]):.0f} MB added, forward and backward")


if __name__ == "__main__":
    main()
