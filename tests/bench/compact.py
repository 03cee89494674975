"""Cost of the packaged metric relative to ViSQOL, and its agreement with listeners.

    python -m tests.bench.compact speed [ROUNDS]
    python -m tests.bench.compact listening [FOLDER]
    python -m tests.bench.compact                       both
    python -m tests.bench.compact --quick               a tiny round of the first

The second needs the listening tests of DEEPAQ_SHARED and is skipped without them. For agreement with ViSQOL on
recordings kept out of training see agreement.py.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import deepaq
from deepaq.audio import to_mid_side
from deepaq.backbones.backbone import build
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.metric import Metric
from labels.benchmark.stage import BenchmarkSettings, benchmark
from labels.importing.stage import ImportSettings, import_test
from labels.raters.rater import rater
from manifests.jobs import cpu_seconds
from prep.synth import SAMPLE_RATE, compose
from tests.shared import SHARED


def speed(rounds: int = 5, seconds: float = 10.0, quick: bool = False) -> None:
    """Print CPU seconds for 10 s of stereo in one thread, without decoding; rounds are interleaved."""
    torch.set_num_threads(1)
    reference = deepaq.audio.resample(compose(5, seconds), SAMPLE_RATE, 48_000)
    rng = np.random.default_rng(0)
    degraded = (reference + 0.003 * rng.standard_normal(reference.shape)).astype(np.float32)
    metric, earlier = deepaq.load(), deepaq.load("compact-2026a")
    shipped, fast = rater("visqol", engine="shipped"), rater("visqol")
    mono = [samples.mean(axis=1) for samples in (reference, degraded)]
    both = [to_mid_side(samples) for samples in (reference, degraded)]
    mert = Metric(
        Checkpoint(build("compact" if quick else "mert", **({} if quick else {"init": "random"})).eval())
    )  # the cost does not depend on the weights
    ways: dict[str, Callable[[], object]] = {
        "ViSQOL as shipped": lambda: shipped.judge(mono[0])(mono[1]),
        "ViSQOL, our engine": lambda: fast.judge(mono[0])(mono[1]),
        "deepaq.score": lambda: metric.score(reference, degraded, sample_rate=48_000),
        "deepaq.score, mono": lambda: metric.score(mono[0], mono[1], sample_rate=48_000),
        "the core alone, after alignment": lambda: metric.backbone.compare(*both),
        "deepaq.score with compact-2026a": lambda: earlier.score(reference, degraded, sample_rate=48_000),
    }
    if not quick:
        mert = Metric(Checkpoint(build("mert", init="random").eval()))  # the cost does not depend on the weights
        ways["deepaq.score with MERT-v1-95M"] = lambda: mert.score(reference, degraded, sample_rate=48_000)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begin = cpu_seconds()
            way()
            if number:  # the first round warms up
                spent[name].append((cpu_seconds() - begin) / seconds)
    base = spent["ViSQOL as shipped"]
    print(f"\n| full reference, {seconds:g} s stereo | CPU s per audio s | least .. most | ViSQOL as shipped / this |")
    print("|---|---|---|---|")
    for name, times in spent.items():
        ratio = statistics.median(own / other for own, other in zip(base, times, strict=True))
        print(f"| {name} | {statistics.median(times):.4f} | {min(times):.4f} .. {max(times):.4f} | {ratio:.1f} |")


def listening(folder: Path) -> None:
    """Compare the packaged metric, ViSQOL, the 2f-model and log-mel with listeners; report in FOLDER/report."""
    tests = {"stahl2024": "stahl2024_codec_speech", "sisec08": "sebass_sisec08"}
    for form, name in tests.items():
        import_test(form, SHARED / "listening" / name, folder / form, ImportSettings())
    data = [folder / form for form in tests]
    benchmark(data, ["visqol", "2f", "log-mel", "deepaq-fr"], folder / "report", BenchmarkSettings())
    print((folder / "report" / "report.md").read_text())


def main() -> None:
    what, *rest = sys.argv[1:] or ["all"]
    if what == "--quick":  # a tiny round, which shows only that the script works
        speed(1, 2.0, quick=True)
    if what in ("all", "speed"):
        speed(int(rest[0]) if rest else 5)
    if what in ("all", "listening"):
        if not SHARED.is_dir():
            print(f"listening: left out, there is nothing at {SHARED}")
            return
        with tempfile.TemporaryDirectory() as spare:
            listening(Path(rest[0]) if rest else Path(spare))


if __name__ == "__main__":
    main()
