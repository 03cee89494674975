"""Scores without a reference against listeners, beside knowing the condition only.

    python -m tests.bench.unreferenced_truth [--listening FOLDER] [--out FOLDER] [--model RUN] [--family TEST=FAMILY]

Every listening test of tests/bench/truth.py, with its families, units and protocol (systems under test; all conditions,
whatever damaged them). The MOS of every stimulus is that of its distance from clean audio: the packaged music, the
references of the test's other items, or the references of all other tests. `condition only` is the mean rating of the
same condition on the other items, without any audio; a test of one item has none. Where groups have a score, they are
the items.
Prints PCC and SRCC with 95 % intervals by the jackknife over items.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import deepaq
from deepaq.errors import UserError
from labels.benchmark.evaluate import system_mean
from labels.benchmark.groups import by_group
from labels.benchmark.protocol import PROTOCOLS
from labels.benchmark.rated import Rated, read_tests
from labels.benchmark.report.blocks import figure
from labels.benchmark.statistics.correlation import Values, pcc, srcc
from labels.benchmark.statistics.jackknife import interval
from manifests.dataset import Dataset
from tests.bench.truth import FAMILIES, FEWEST, LISTENING, imported

PACKAGED, ITEMS, TESTS, CONDITION = "packaged music", "other items", "other tests", "condition only"
WAYS = (PACKAGED, ITEMS, TESTS, CONDITION)


@dataclass
class Embedded:
    """A test with the embeddings of its audio. points: by stimulus, (segments, dims) and seconds. clean: by item."""

    test: Rated
    points: dict[str, tuple[Values, Values]]
    clean: dict[str, Values]


def embedded(path: Path, metric: deepaq.Metric) -> list[Embedded]:
    """Read the tests of a data set and embed their audio."""
    data = Dataset(path)
    degraded = {row["degraded_id"]: row for row in data.degraded().to_pylist()}
    references = {row["reference_id"]: row for row in data.references().to_pylist()}
    found = []
    for test in read_tests(data, ()):
        points: dict[str, tuple[Values, Values]] = {}
        clean: dict[str, list[Values]] = defaultdict(list)
        for stimulus in (stimulus for stimulus in test.stimuli if stimulus.counted):
            points[stimulus.degraded_id] = _points(data.path(degraded[stimulus.degraded_id]["path"]), metric)
        for item, name in {(s.item, name) for s in test.stimuli for name in s.references}:
            if references[name]["path"]:
                clean[item].append(_points(data.path(references[name]["path"]), metric)[0].mean(axis=0))
        found.append(Embedded(test, points, {item: np.mean(each, axis=0) for item, each in clean.items()}))
    return found


def _points(path: Path, metric: deepaq.Metric) -> tuple[Values, Values]:
    try:
        found = list(metric.clip_points(path))
    except UserError:  # silent
        return np.zeros((0, 1)), np.zeros(0)
    return np.array([point for _, _, point in found], float), np.array([seconds for _, seconds, _ in found])


def valued(each: Embedded, others: list[Values], metric: deepaq.Metric) -> Rated:
    """The test in its units, with the MOS by every choice of clean audio. others: clean audio of the other tests."""
    test = each.test
    for way in (PACKAGED, ITEMS, TESTS):
        values = []
        for stimulus in test.stimuli:
            apart = [point for item, point in each.clean.items() if item != stimulus.item]
            chosen = {PACKAGED: [metric.clean.centre], ITEMS: apart, TESTS: others}[way]
            points, seconds = each.points.get(stimulus.degraded_id, (np.zeros((0, 1)), np.zeros(0)))
            if len(points) and chosen:
                distance = np.average(np.linalg.norm(points - np.mean(chosen, axis=0), axis=1), weights=seconds)
                curve = metric.clips.model.unmatched
                values.append(float(curve(distance)) if curve else -float(distance))
            else:
                values.append(np.nan)
        test.values[way] = np.array(values)
    test = by_group(test)
    test.values[CONDITION] = system_mean(test, test.with_roles(PROTOCOLS["coded"]))
    return test


def agreement(test: Rated, way: str) -> dict[str, tuple[float, tuple[float, float] | None]]:
    """PCC and SRCC with the listeners over the systems under test, with intervals; empty where undefined."""
    values = test.values[way]
    rows = np.flatnonzero(test.with_roles(PROTOCOLS["coded"]) & np.isfinite(values))
    if len(rows) < 3 or np.ptp(values[rows]) == 0:
        return {}
    x, y, items = values[rows], test.shares[rows], [test.items[row] for row in rows]
    return {
        name: (float(statistic(x, y)[0]), interval(statistic, x, y, items))
        for name, statistic in (("PCC", pcc), ("SRCC", srcc))
    }


def _units(test: Rated) -> int:
    return int(test.with_roles(PROTOCOLS["coded"]).sum())


def report(tests: dict[str, Rated]) -> None:
    """Print a table of every statistic. tests: by family; a family of several tests is averaged."""
    for name in ("PCC", "SRCC"):
        print(f"\n| {name} | " + " | ".join(f"{family} ({_units(test)})" for family, test in tests.items()) + " |")
        print("|---|" + "---:|" * len(tests))
        for way in WAYS:
            cells = []
            for test in tests.values():
                point, around = agreement(test, way).get(name, (None, None))
                cells.append(figure(point) + (f" [{figure(around[0])}, {figure(around[1])}]" if around else ""))
            print(f"| {way} | " + " | ".join(cells) + " |")
    for way in WAYS:
        points = [agreement(test, way).get("PCC", (None, None))[0] for test in tests.values() if _units(test) >= FEWEST]
        known = [point for point in points if point is not None]
        print(f"{way}: mean PCC {figure(float(np.mean(known)) if known else None)} over {len(known)} families")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listening", type=Path, default=LISTENING)
    parser.add_argument("--out", type=Path, default=Path("truth-run"))
    parser.add_argument("--model", type=Path, help="model to judge in place of the packaged one")
    parser.add_argument("--family", action="append", default=[], metavar="TEST=FAMILY")
    options = parser.parse_args()
    if not options.listening.is_dir():
        sys.exit(f"error: {options.listening}: no such folder; set DEEPAQ_SHARED or give --listening")
    metric = deepaq.load(options.model)
    named = dict(text.partition("=")[::2] for text in options.family)
    found: list[tuple[str, Embedded]] = []
    for folder in sorted(options.listening.iterdir()):
        if (path := imported(folder, options.out)) is not None:
            family = named.get(folder.name, FAMILIES.get(folder.name, ("", folder.name))[1])
            found += [(family, each) for each in embedded(path, metric)]
    tests = {}
    for place, (family, each) in enumerate(found):
        others = [point for i, (_, other) in enumerate(found) if i != place for point in other.clean.values()]
        name = family if family not in tests else f"{family}: {each.test.name}"
        tests[name] = valued(each, others, metric)
    report(tests)


if __name__ == "__main__":
    main()
