"""Training speed of the paper's recipe, of its loader and of its network.

    python -m tests.bench.steps [--device cuda] [--precision bfloat16] [--compile] [--batch 32] [--steps 20] [--quick]

Uses the real size, random weights, and segments of 4 s from a temporary cache of noise. Measures the loader alone,
beside decoding FLAC files for every batch; the training step on one fixed batch; and both together. Compute is compared
with 37.5 GFLOP per second of audio (LoRA step, counted analytically) and, with --peak-tflops, with the device.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from deepaq.audio import read
from deepaq.backbones.mert import Mert
from tests.bench.parts.operators import called
from training.data.cache import Cache, Form, encoded, file_of
from training.data.store import Store
from training.data.table import Table
from training.loop.sampler import Sampler
from training.objective import terms as objective
from training.objective.batch import Labeller
from training.objective.curve import Curve
from training.settings import Contrast, Data, Objective

GFLOP_PER_S = 37.5
CLIP_S, SEGMENT_S = 10, 4
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
        "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}  # fmt: skip
KBPS = (16, 32, 48, 64, 80, 96, 128)


def sampler(folder: Path, clips: int, versions: int) -> Sampler:
    """A sampler over a cache of noise: `clips` clips, each clean and at seven bitrates of one codec."""
    rng = np.random.default_rng(0)
    form = Form(Mert.sample_rate)
    frames = CLIP_S * form.rate
    rows, keys = [], []
    for clip in range(clips):
        for place, kbps in enumerate((np.inf, *KBPS)):
            keys.append(f"{clip:04d}-{place}")
            path = file_of(folder, form, keys[-1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(form, rng.normal(0, 0.05, frames).astype(np.float32)))
            codec = "clean" if place == 0 else "opus"
            mos = min(4.7, 1 + kbps / 40)
            rows.append((keys[-1], "", "", clip, codec, codec, kbps, mos, None, CLIP_S, False, clip))
    table = Table(*(np.array(column) for column in zip(*rows, strict=True)))
    store = Store(table, Cache(folder, form, keys, np.full(len(keys), frames)), Mert.front_rate)
    data = Data(clips=max(1, versions // 8), versions=8, segment_s=SEGMENT_S)
    return Sampler(store, data, SEGMENT_S * Mert.sample_rate, seed=0)


def per_second(function: Callable[[], object], steps: int, device: torch.device) -> list[float]:
    """Calls per second of wall time, one figure per call, after two to warm up."""
    rates = []
    for number in range(steps + 2):
        begin = time.perf_counter()
        function()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if number >= 2:
            rates.append(1 / (time.perf_counter() - begin))
    return rates


def show(name: str, rates: list[float], batch_s: float) -> float:
    median = statistics.median(rates)
    low, high = min(rates), max(rates)
    print(f"{name:<28} {batch_s * median:10.1f} audio s per s  [{batch_s * low:.1f}, {batch_s * high:.1f}]")
    return batch_s * median


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--peak-tflops", type=float)
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    device = torch.device(options.device)
    torch.manual_seed(0)
    network = Mert(init="random", config=TINY if options.quick else None).to(device).train()
    embed = torch.compile(network.embed) if options.compile else network.embed
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-4, fused=True)
    curve = Curve(4.7).to(device)
    with tempfile.TemporaryDirectory() as name:
        source = sampler(Path(name), options.clips, options.batch)
        labeller = Labeller(source.store.table, literal_bitrate=False)
        batches = source.stream(0)
        batch_s = len(source.draw(0).rows) * SEGMENT_S
        flac = Path(name) / "clip.flac"
        soundfile.write(flac, 0.1 * np.random.default_rng(0).standard_normal((CLIP_S * 44_100, 2)), 44_100)

        def step(fronts: Tensor, rows: np.ndarray, clips: np.ndarray) -> None:
            labels = labeller(rows, clips).to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bfloat16"):
                points = embed(fronts.to(device, non_blocking=True))
            optimiser.zero_grad()
            objective.full(points, labels, curve, Objective(), Contrast()).total.backward()
            optimiser.step()

        cut, fronts = next(batches)
        kept = fronts.to(device)

        def together() -> None:
            cut, fronts = next(batches)
            step(fronts, cut.rows, cut.clips)

        steps = options.steps
        where = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
        print(f"{where}, {options.precision}, batch of {len(cut.rows)} x {SEGMENT_S} s, {steps} steps")
        ten = per_second(lambda: [next(batches) for _ in range(10)], steps, device)  # some are read ahead
        loader = show("loader alone", ten, 10 * batch_s)
        decode = show(
            "decoding FLAC instead",
            per_second(lambda: [read(flac) for _ in cut.rows], steps, device),
            batch_s,
        )
        network_alone = show("step alone", per_second(lambda: step(kept, cut.rows, cut.clips), steps, device), batch_s)
        both = show("loader and step", per_second(together, steps, device), batch_s)
        calls = called(lambda: step(kept, cut.rows, cut.clips))
        batches.close()
    print(f"loader / decoding: {loader / decode:.1f}; loader: {loader * Mert.sample_rate / 1e6:.1f} M samples per s")
    limit = "compute" if both > 0.9 * network_alone else "loader"
    print(f"{both:.1f} audio-hours per hour; {limit}-bound ({both / network_alone:.2f} of the step alone)")
    print(f"calls of operators in a step: {calls}")
    rate = GFLOP_PER_S * both / 1000
    used = f", {100 * rate / options.peak_tflops:.0f} % of {options.peak_tflops:g}" if options.peak_tflops else ""
    print(f"{rate:.2f} TFLOP per s{used}")


if __name__ == "__main__":
    main()
