"""Protocol of ODAQ's public leaderboard, on the tests at hand, and the leaderboard's entries of September 2024.

Dick et al. (2024), "Expanding and Analyzing ODAQ", AES 157: the score of a stimulus is the mean over the listeners of
all cohorts; hidden references and anchors are left out; the absolute PCC is taken within each processing method and
averaged over the methods by Fisher's z. The entries are those of the README in the folder `benchmark` of ODAQ's
repository.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from labels.benchmark.agreement import FEWEST
from labels.benchmark.protocol import MAIN, PROTOCOLS
from labels.benchmark.rated import Rated
from labels.benchmark.statistics.correlation import fisher_average, pcc

COHORTS = ("odaq", "odaq-b1", "odaq-b2")  # 26 listeners, and 16 in two cohorts of Ball State University
LISTENERS, STIMULI = 42, 150
AGGREGATED = "aggregated"

Key = tuple[str, str]


def leaderboard(tests: Sequence[Rated], raters: Sequence[str]) -> dict[str, Any] | None:
    """Rate the raters by ODAQ's protocol; None if no test is ODAQ's.

    Keys: tests, listeners and stimuli that count; complete (all of the leaderboard's, so that figures compare);
    methods; rows by rater (stimuli, PCC without its sign by method, None if undefined, and their average, None unless
    all are defined); entries of the leaderboard.
    """
    cohorts = [test for test in tests if test.name in COHORTS]
    if not cohorts:
        return None
    methods, means = _pooled(cohorts)
    names = sorted(set(methods.values()))
    rows = [_row(rater, _values(cohorts, rater), methods, means, names) for rater in raters]
    listeners = sum(test.ratings.shape[1] for test in cohorts)
    return {
        "tests": [test.name for test in cohorts],
        "listeners": listeners,
        "stimuli": len(means),
        "complete": (len(cohorts), listeners, len(means)) == (len(COHORTS), LISTENERS, STIMULI),
        "methods": names,
        "rows": rows,
        "entries": list(entries()),
    }


@cache
def entries() -> tuple[dict[str, Any], ...]:
    """The public entries: metric, PCC without its sign by method, and their average."""
    with files("labels.benchmark").joinpath("odaq_leaderboard.csv").open(encoding="utf-8") as file:
        return tuple(
            {name: text if name == "metric" else float(text) for name, text in row.items()}
            for row in csv.DictReader(file)
        )


def _pooled(cohorts: Sequence[Rated]) -> tuple[dict[Key, str], dict[Key, float]]:
    """Method and mean over all listeners of every coded stimulus, by item and condition."""
    methods: dict[Key, str] = {}
    ratings: dict[Key, list[float]] = defaultdict(list)
    for test in cohorts:
        for stimulus, row in zip(test.stimuli, test.ratings, strict=True):
            if stimulus.role in PROTOCOLS[MAIN]:
                key = (stimulus.item, stimulus.condition)
                methods[key] = stimulus.content or ""
                ratings[key] += row[np.isfinite(row)].tolist()
    return methods, {key: float(np.mean(row)) for key, row in ratings.items() if row}


def _values(cohorts: Sequence[Rated], rater: str) -> dict[Key, float]:
    """A rater's values by item and condition; the cohorts heard the same audio."""
    found: dict[Key, float] = {}
    for test in cohorts:
        for stimulus, value in zip(test.stimuli, test.values[rater], strict=True):
            if stimulus.counted and np.isfinite(value):
                found.setdefault((stimulus.item, stimulus.condition), float(value))
    return found


def _row(
    rater: str, values: dict[Key, float], methods: dict[Key, str], means: dict[Key, float], names: Sequence[str]
) -> dict[str, Any]:
    rated = [key for key in means if key in values]
    found: dict[str, float | None] = {}
    for name in names:
        mine = [key for key in rated if methods[key] == name]
        found[name] = None
        if len(mine) >= FEWEST:
            r = abs(float(pcc(*(np.array([table[key] for key in mine]) for table in (values, means)))[0]))
            found[name] = r if np.isfinite(r) else None
    known = [r for r in found.values() if r is not None]
    average = float(fisher_average(np.array(known)[:, None])[0]) if len(known) == len(names) else None
    return {"rater": rater, "stimuli": len(rated), "methods": found, AGGREGATED: average}
