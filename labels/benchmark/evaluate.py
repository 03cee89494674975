"""Evaluation of a test: raters under all protocols, noise ceiling, paired tests and breakdowns, ready for JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from labels.benchmark.agreement import (
    FEWEST,
    Bootstrap,
    Estimate,
    Points,
    as_numbers,
    average,
    correlations,
    resampled,
    within_items,
)
from labels.benchmark.protocol import ALL, MAIN, PROTOCOLS, protocols
from labels.benchmark.rated import Mask, Rated
from labels.benchmark.statistics.bootstrap import interval
from labels.benchmark.statistics.correlation import Values, pcc
from labels.benchmark.statistics.dependent import holm, steiger, zou
from labels.benchmark.statistics.mapping import FEWEST as FEWEST_TO_FIT
from labels.benchmark.statistics.mapping import MAPPINGS, Curve
from labels.benchmark.statistics.reliability import reliability, reliability_of_means

SYSTEM_MEAN = "system mean"  # a baseline without audio: the condition's mean on the other items
BANDS = 5  # fifths of the scale: MUSHRA's bad, poor, fair, good, excellent


@dataclass(frozen=True)
class Evaluation:
    """Settings of an evaluation. signs: by rater, -1 for distances. fits: tests to fit mappings on, by test."""

    signs: dict[str, int]
    bootstrap: Bootstrap
    fits: dict[str, Sequence[Rated]] = field(default_factory=dict)

    def test(self, test: Rated) -> dict[str, Any]:
        """Evaluate one test. Keys: about, counts, protocols, comparisons, breakdowns, stimuli, failures."""
        masks = dict(protocols(test))
        main = masks.get(MAIN, next(iter(masks.values()), np.zeros(len(test.stimuli), bool)))
        curves = {rater: self._curves(test, rater) for rater in self.signs} if masks else {}
        return {
            "name": test.name,
            "about": test.about,
            "counts": _counts(test),
            "ceiling_of_all_rated": _ceiling(test, np.array([s.role == MAIN for s in test.stimuli], bool)),
            "fitted_on": [fit.name for fit in self._others(test)],
            "protocols": [self._protocol(test, name, mask, curves) for name, mask in masks.items()],
            "comparisons": self._comparisons(test, main),
            "breakdowns": self._breakdowns(test, main),
            "cost": test.cost,
            "stimuli": [_row(test, i) for i in range(len(test.stimuli))],
            "failures": [line for lines in test.failures.values() for line in lines],
        }

    def points(self, test: Rated, rater: str, mask: Mask) -> Points:
        """Values of a rater and of the listeners for the stimuli of `mask` that the rater rated."""
        return _points(test, self.signs[rater] * test.values[rater], mask)

    def _protocol(self, test: Rated, name: str, mask: Mask, curves: dict[str, list[Curve]]) -> dict[str, Any]:
        results = []
        for rater in self.signs:
            points = self.points(test, rater, mask)
            results.append(
                {
                    "rater": rater,
                    "stimuli": points.count,
                    **as_numbers(correlations(points)),
                    "srcc_within_item": within_items(points).numbers,
                    "pcc_within_content": self._by_content(test, rater, mask).numbers,
                    "mapped": {c.name: as_numbers(self.bootstrap.mapped(points, c)) for c in curves[rater]},
                }
            )
        baseline = _points(test, system_mean(test, mask), mask)
        return {
            "protocol": name,
            "stimuli": int(mask.sum()),
            "items": len({test.items[i] for i in np.flatnonzero(mask)}),
            "ceiling": _ceiling(test, mask),
            "results": results,
            SYSTEM_MEAN: {"stimuli": baseline.count, **as_numbers(correlations(baseline))},
        }

    def _by_content(self, test: Rated, rater: str, mask: Mask) -> Estimate:
        """Fisher's average of the PCC within each class of content, as reported by the authors of ODAQ."""
        parts = [self.points(test, rater, mask & part) for part in _classes(test, "content").values()]
        parts = [part for part in parts if part.count >= FEWEST]
        return average(parts, "pcc") if len(parts) > 1 else Estimate(None)

    def _curves(self, test: Rated, rater: str) -> list[Curve]:
        """Mappings for `test`; empty if the other tests do not suffice."""
        values, shares = self.fit_points(test, rater)
        if len(values) < FEWEST_TO_FIT or np.ptp(values) == 0:
            return []
        return [kind(values, shares) for kind in MAPPINGS]

    def fit_points(self, test: Rated, rater: str) -> tuple[Values, Values]:
        """Values and shares to fit a mapping for `test` on: all roles of the other tests."""
        found = [self.points(fit, rater, fit.with_roles(PROTOCOLS[ALL])) for fit in self._others(test)]
        empty = [np.empty(0)]
        return np.concatenate(empty + [p.values for p in found]), np.concatenate(empty + [p.shares for p in found])

    def _others(self, test: Rated) -> list[Rated]:
        """The tests to fit on, without clips that also occur in `test`."""
        mine = {name for s in test.stimuli for name in s.references}
        fits = [fit.without_references(mine) for fit in self.fits.get(test.name, ())]
        return [fit for fit in fits if fit.stimuli]

    def _comparisons(self, test: Rated, mask: Mask) -> list[dict[str, Any]]:
        """Compare every two raters over the stimuli that both rated, the better one first: difference of PCC, tests and
        intervals."""
        rows: list[dict[str, Any]] = []
        p_values: list[float] = []
        for one, other in combinations(self.signs, 2):
            both = mask & np.isfinite(test.values[one]) & np.isfinite(test.values[other])
            a, b = self.points(test, one, both), self.points(test, other, both)
            if a.count < FEWEST:
                continue
            if pcc(a.values, a.shares)[0] < pcc(b.values, b.shares)[0]:
                (one, a), (other, b) = (other, b), (one, a)
            r1, r2, r12 = (float(pcc(x, y)[0]) for x, y in _pairs(a.values, b.values, a.shares))
            z, p = steiger(r1, r2, r12, a.count)
            weights = self.bootstrap.weights(a)
            drawn = resampled(pcc, a, weights) - resampled(pcc, b, weights)
            row = {"a": one, "b": other, "stimuli": a.count, "pcc_a": r1, "pcc_b": r2, "difference": r1 - r2}
            intervals = {"zou": zou(r1, r2, r12, a.count), "bootstrap": interval(r1 - r2, drawn, a.item_counts)}
            rows.append(row | intervals | {"z": z})
            p_values.append(p)
        for row, p, adjusted in zip(rows, p_values, holm(p_values), strict=True):
            row |= {"p": p, "p_holm": adjusted}
        return [{key: _plain(value) for key, value in row.items()} for row in rows]

    def _breakdowns(self, test: Rated, mask: Mask) -> dict[str, list[dict[str, Any]]]:
        """Stimuli, mean rating, PCC and SRCC of each rater, by class of content, condition and fifth of the scale."""
        edges = np.linspace(0, 1, BANDS + 1)
        bands = np.clip(np.digitize(test.shares, edges[1:-1]), 0, BANDS - 1)
        worse, better = test.ends
        ends = [worse + (better - worse) * edge for edge in edges]
        names = [f"{first:g} to {last:g}" for first, last in pairwise(ends)]
        groups = {
            "content": _classes(test, "content"),
            "condition": _classes(test, "condition"),
            "quality": {name: bands == i for i, name in enumerate(names)},
        }
        return {
            kind: [self._group(test, name, mask & part) for name, part in parts.items() if (mask & part).any()]
            for kind, parts in groups.items()
        }

    def _group(self, test: Rated, name: str, mask: Mask) -> dict[str, Any]:
        found = {
            rater: as_numbers(correlations(self.points(test, rater, mask), ("pcc", "srcc"))) for rater in self.signs
        }
        return {"group": name, "stimuli": int(mask.sum()), "mean": float(test.means[mask].mean()), "raters": found}


def _points(test: Rated, values: Values, mask: Mask) -> Points:
    chosen = np.flatnonzero(mask & np.isfinite(values))
    items = [test.items[i] for i in chosen]
    return Points(values[chosen], test.shares[chosen], test.half_widths[chosen], items, [test.name] * len(chosen))


def _pairs(a: Values, b: Values, y: Values) -> tuple[tuple[Values, Values], ...]:
    return (a, y), (b, y), (a, b)


def system_mean(test: Rated, mask: Mask) -> Values:
    """(stimuli,): the mean share of the same condition on the other items; NaN without other items.

    NaN throughout when fewer than two conditions come on several items: the mean of the others falls as a stimulus
    rises, so that within a single condition it can only correlate with -1.
    """
    total: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for i in np.flatnonzero(mask):
        total[test.stimuli[i].condition].append((test.items[i], test.shares[i]))
    result = np.full(len(test.stimuli), np.nan)
    if sum(len({item for item, _ in rows}) > 1 for rows in total.values()) < 2:
        return result
    for i in np.flatnonzero(mask):
        others = [mean for item, mean in total[test.stimuli[i].condition] if item != test.items[i]]
        if others:
            result[i] = np.mean(others)
    return result


def _ceiling(test: Rated, mask: Mask) -> dict[str, float] | None:
    found = reliability(test.ratings[mask])
    if found is None and mask.any():
        chosen = [s for s, counted in zip(test.stimuli, mask, strict=True) if counted]
        found = reliability_of_means(
            [s.mean for s in chosen], [s.deviation for s in chosen], [s.listeners for s in chosen]
        )
    if found is None:
        return None
    return {"listeners": found.listeners, "split_half": found.split_half, "ceiling": found.ceiling}


def _counts(test: Rated) -> dict[str, int]:
    roles = [s.role for s in test.stimuli]
    return {
        "stimuli": len(test.stimuli),
        "with_audio": sum(s.audible for s in test.stimuli),
        "items": len(set(test.items)),
        "conditions": len({s.condition for s in test.stimuli}),
        "listeners": test.ratings.shape[1],
        "ratings": int(np.isfinite(test.ratings).sum()),
        "grouped": test.grouped,
        **{f"role_{role}": roles.count(role) for role in ("coded", "reference", "anchor")},
    }


def _having(test: Rated, attribute: str, name: str) -> Mask:
    return np.array([getattr(s, attribute) == name for s in test.stimuli], bool)


def _classes(test: Rated, attribute: str) -> dict[str, Mask]:
    names = sorted({getattr(s, attribute) for s in test.stimuli} - {None})
    return {name: _having(test, attribute, name) for name in names}


def _row(test: Rated, i: int) -> dict[str, Any]:
    s = test.stimuli[i]
    values = {rater: _plain(float(values[i])) for rater, values in test.values.items()}
    return {
        **{name: getattr(s, name) for name in ("degraded_id", "item", "condition", "content", "role")},
        **{"mean": s.mean, "ci_low": s.low, "ci_high": s.high, "values": values},
    }


def _plain(value: Any) -> Any:
    """Convert for JSON: tuples to lists, non-finite numbers to None."""
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
