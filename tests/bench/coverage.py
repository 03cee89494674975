"""Coverage of the 95 % intervals of correlations in a simulation whose truth is known.

    python -m tests.bench.coverage [--trials 400] [--freedom 5] [--quick]

Items have an effect of their own on listeners and rater, and systems are spaced evenly; the true correlation (PCC of
all stimuli) is .3, .7, .9 or .95. One row per statistic and stimuli per item; one column per number of items, with
the lowest and the highest coverage over the true correlations, "none" where no trial has an interval. A cell without
one for more than a tenth of the trials (perfect correlations) is marked with *. --freedom: the rater's errors have the
heavy tails of Student's t with so many degrees of freedom, instead of being normal.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from labels.benchmark.statistics.correlation import Correlation, Values, kendall, pcc, srcc
from labels.benchmark.statistics.jackknife import interval

STATISTICS: dict[str, Correlation] = {"PCC": pcc, "SRCC": srcc, "Kendall": kendall}
TRUE, STIMULI, ITEMS = (0.3, 0.7, 0.9, 0.95), (1, 2, 4, 8), (4, 6, 8, 12, 20, 30)
OWN, SHARED = 0.15, 0.25  # variances of a stimulus and of its item beside the systems'


def drawn(
    rng: np.random.Generator, items: int, stimuli: int, correlation: float, freedom: float
) -> tuple[Values, Values, Values]:
    """Ratings, listeners' means and the item of every stimulus, (items * stimuli,)."""
    grid = np.linspace(-1, 1, stimuli) if stimuli > 1 else np.zeros(1)
    spread = np.sqrt((grid.var() + OWN + SHARED) * (1 / correlation**2 - 1))
    shape, one = (items, stimuli), (items, 1)
    y = grid + np.sqrt(SHARED) * rng.standard_normal(one) + np.sqrt(OWN) * rng.standard_normal(shape)
    error = np.sqrt(0.5) * (rng.standard_normal(one) + rng.standard_normal(shape))
    if np.isfinite(freedom):
        error *= np.sqrt((freedom - 2) / rng.chisquare(freedom, shape))  # of variance 1, like the normal ones
    return (y + spread * error).ravel(), y.ravel(), np.repeat(np.arange(items), stimuli)


@cache
def truths(stimuli: int, correlation: float, freedom: float) -> dict[str, float]:
    """The correlations of the whole population, from 100,000 stimuli, in parts of 2,000 for Kendall's tau."""
    x, y, _ = drawn(np.random.default_rng(0), 100_000 // stimuli, stimuli, correlation, freedom)
    parts = list(zip(np.array_split(x, 50), np.array_split(y, 50), strict=True))[:12]
    whole = {"PCC": float(pcc(x, y)[0]), "SRCC": float(srcc(x, y)[0])}
    return whole | {"Kendall": float(np.mean([kendall(*part)[0] for part in parts]))}


def coverage(
    items: int, stimuli: int, correlation: float, trials: int, freedom: float
) -> dict[str, tuple[float, float]]:
    """Statistic -> share of intervals that hold the truth, share of trials that give one."""
    true, rng = truths(stimuli, correlation, freedom), np.random.default_rng([items, stimuli])
    hits: dict[str, list[bool]] = {name: [] for name in STATISTICS}
    for _ in range(trials):
        x, y, item = drawn(rng, items, stimuli, correlation, freedom)
        for name, statistic in STATISTICS.items():
            if found := interval(statistic, x, y, list(item.astype(str))):
                hits[name].append(found[0] <= true[name] <= found[1])
    return {
        name: (float(np.mean(found)) if found else float("nan"), len(found) / trials) for name, found in hits.items()
    }


def rows(trials: int, freedom: float, stimuli_per_item: Sequence[int], numbers: Sequence[int]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield "| correlation | stimuli per item | " + " | ".join(f"{count} items" for count in numbers) + " |"
    yield "|---|---|" + "---|" * len(numbers)
    for stimuli in stimuli_per_item:
        cells = {items: [coverage(items, stimuli, true, trials, freedom) for true in TRUE] for items in numbers}
        for name in STATISTICS:
            shown = [_range([cell[name] for cell in cells[items]]) for items in numbers]
            yield f"| {name} | {stimuli} | " + " | ".join(shown) + " |"


def _range(found: Sequence[tuple[float, float]]) -> str:
    """Lowest and highest of the coverages, which come with the share of trials that have an interval."""
    covered = [hits for hits, given in found if given]
    if not covered:
        return "none"
    return f"{min(covered):.2f}-{max(covered):.2f}{'*' if min(given for _, given in found) < 0.9 else ''}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--freedom", type=float, default=np.inf)
    parser.add_argument("--quick", action="store_true", help="a few cells only")
    options = parser.parse_args()
    cells = (STIMULI[:2], ITEMS[1:3]) if options.quick else (STIMULI, ITEMS)
    for line in rows(options.trials, options.freedom, *cells):
        print(line.replace("0.", ".").replace("1.00", "1.0"), flush=True)


if __name__ == "__main__":
    main()
