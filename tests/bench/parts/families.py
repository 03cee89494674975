"""Agreement of raters with listeners, averaged over families of tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from labels.benchmark.protocol import ALL, MAIN
from manifests import schema

FEWEST = 8  # units that a family needs to count in the headline
RESAMPLES = 10_000
Numbers = dict[str, float | None]


def pairs_in_order(test: Mapping[str, Any], rater: Mapping[str, Any]) -> float | None:
    """The share of pairs of systems within items that the rater orders as the listeners do."""
    sign = (1 if rater["higher_is_better"] else -1) * (1 if test["about"]["better"] == "higher" else -1)
    items = defaultdict(list)
    for row in test["stimuli"]:
        value = row["values"][rater["name"]]
        if row["role"] == schema.CODED and value is not None:
            items[row["item"]].append((row["mean"], sign * value))
    products = [
        float(np.sign(one[0] - other[0]) * np.sign(one[1] - other[1]))
        for rows in items.values()
        for one, other in combinations(rows, 2)
        if one[0] != other[0]
    ]
    return (float(np.mean(products)) + 1) / 2 if products else None


def pcc_of(report: Mapping[str, Any], protocol: str) -> dict[str, Numbers]:
    """test -> rater -> PCC under a protocol, or under the widest one that the test has."""
    found = {}
    for test in report["tests"]:
        parts = {part["protocol"]: part for part in test["protocols"]}
        part = parts.get(protocol) or test["protocols"][-1]
        found[test["name"]] = {result["rater"]: result["pcc"][0] for result in part["results"]}
    return found


def family_means(values: Mapping[str, Numbers], families: Mapping[str, str], rater: str) -> Numbers:
    """family -> the plain mean of its tests' values; None where one is unknown."""
    groups = defaultdict(list)
    for test, numbers in values.items():
        groups[families[test]].append(numbers[rater])
    return {name: None if None in group else float(np.mean(group)) for name, group in groups.items()}


def mean(numbers: Numbers, chosen: Sequence[str]) -> float | None:
    picked = [numbers[name] for name in chosen]
    return None if None in picked or not picked else float(np.mean(picked))


def shortfalls(values: Mapping[str, Numbers], rater: str) -> dict[str, Numbers]:
    """test -> rater -> how far the best other rater is ahead."""
    found: dict[str, Numbers] = {}
    for test, numbers in values.items():
        others = [value for name, value in numbers.items() if name != rater and value is not None]
        mine = numbers[rater]
        found[test] = {rater: None if mine is None or not others else max(0.0, max(others) - mine)}
    return found


def difference(one: Numbers, other: Numbers, chosen: Sequence[str]) -> list[float | None]:
    """Difference of two family means with its 95 % interval, paired over families."""
    pairs = [(one[name], other[name]) for name in chosen]
    if any(None in pair for pair in pairs):
        return [None, None, None]
    each = np.array([a - b for a, b in pairs])
    drawn = np.random.default_rng(0).choice(each, (RESAMPLES, len(each))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975)) if len(each) > 1 else (None, None)
    return [float(each.mean()), low, high]


def summary(report: Mapping[str, Any], families: Mapping[str, str]) -> dict[str, Any]:
    """Everything of the page: per rater the family means, shortfalls and differences to the best one."""
    units = {test["name"]: test["protocols"][0]["stimuli"] for test in report["tests"]}
    enough = [name for name in dict.fromkeys(families.values()) if _units(units, families, name) >= FEWEST]
    every = list(dict.fromkeys(families.values()))
    coded, widest = pcc_of(report, MAIN), pcc_of(report, ALL)
    raters = [rater["name"] for rater in report["raters"]]
    by_family = {rater: family_means(coded, families, rater) for rater in raters}
    rows = {
        rater: {
            "families": by_family[rater],
            "family_mean": mean(by_family[rater], enough),
            "family_mean_all": mean(by_family[rater], every),
            "family_mean_widest": mean(family_means(widest, families, rater), enough),
            "shortfall": mean(family_means(shortfalls(coded, rater), families, rater), enough),
        }
        for rater in raters
    }
    best = max(raters, key=lambda rater: rows[rater]["family_mean"] or -1)
    for rater in raters:
        rows[rater]["behind_best"] = difference(by_family[best], by_family[rater], enough)
    return {"families": families, "counted": enough, "best": best, "raters": rows}


def _units(units: Mapping[str, int], families: Mapping[str, str], family: str) -> int:
    return sum(count for test, count in units.items() if families[test] == family)
