"""MOS without torch and SciPy against MOS with them: the packaged metric, and the compact network in NumPy and torch.

    python -m tests.bench.light [--pairs 200] [--seconds 10]

Pairs are computed music with a distortion each, of all kinds and severities in turn. Prints the largest difference in
MOS over the pairs, with the matching reference and with non-matching ones, and CPU seconds per second of audio.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

import deepaq
from deepaq import fourier
from deepaq.audio import Samples
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.metric import Metric
from prep.distortions import DISTORTIONS, distort
from prep.synth import SAMPLE_RATE, compose

CLEAN = 10


def pairs(count: int, seconds: float) -> list[tuple[Samples, Samples]]:
    """Computed music and what distortions make of it, in turn."""
    kinds = [name for name in sorted(DISTORTIONS) if name != "tandem"]  # which needs a coder
    found = []
    for number in range(count):
        name = kinds[number % len(kinds)]
        severities = DISTORTIONS[name].severities
        clean = compose(7, seconds, number)
        severity = severities[number // len(kinds) % len(severities)]
        found.append((clean, distort(clean, SAMPLE_RATE, name, severity, seed=number)))
    return found


def timed(
    score: Callable[[Samples, Samples], float | None], work: list[tuple[Samples, Samples]]
) -> tuple[Samples, float]:
    begun = time.process_time()
    found = np.array([score(*pair) for pair in work], float)
    return found, (time.process_time() - begun) / sum(len(clean) / SAMPLE_RATE for clean, _ in work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    work, clean = pairs(options.pairs, options.seconds), [compose(8, options.seconds, n) for n in range(CLEAN)]
    backend, core, light = fourier._backend, deepaq.load(), deepaq.load("compact-2026a")
    heavy = Metric(Checkpoint(light.model.network, light.model.full, light.model.unmatched))

    def matching(metric: Metric) -> Callable[[Samples, Samples], float | None]:
        return lambda reference, degraded: metric.score(reference, degraded, sample_rate=SAMPLE_RATE).mos

    def other(metric: Metric) -> Callable[[Samples, Samples], float | None]:
        known = metric.references(clean, SAMPLE_RATE)
        return lambda _, degraded: metric.score(degraded, references=known, sample_rate=SAMPLE_RATE).mos

    cases = (
        ("packaged, matching", matching(core), matching(core)),
        ("packaged, non-matching", other(core), other(heavy)),
        ("compact, matching", matching(light), matching(heavy)),
        ("compact, non-matching", other(light), other(heavy)),
    )
    print(
        f"{'MOS of ' + str(len(work)) + ' pairs':<26}{'largest difference':>20}{'light':>10}{'full':>10}  CPU s per s"
    )
    for name, small, large in cases:
        fourier._backend = lambda: np.fft  # type: ignore[assignment]
        ours, less = timed(small, work)
        fourier._backend = backend
        theirs, more = timed(large, work)
        print(f"{name:<26}{np.abs(ours - theirs).max():>20.1e}{less:>10.4f}{more:>10.4f}")


if __name__ == "__main__":
    main()
