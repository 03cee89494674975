"""Agreement of one rater with the listeners over some stimuli, with intervals over items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labels.benchmark.statistics import jackknife
from labels.benchmark.statistics.bootstrap import RESAMPLES, interval, item_weights
from labels.benchmark.statistics.correlation import Correlation, Values, fisher_average, kendall, pcc, srcc
from labels.benchmark.statistics.mapping import rmse_star

FEWEST = 4  # least number of stimuli for a correlation
FEWEST_WITHIN = 3  # least number of stimuli of an item for a rank correlation within it
STATISTICS: dict[str, Correlation] = {"pcc": pcc, "srcc": srcc, "kendall": kendall}


@dataclass(frozen=True)
class Estimate:
    """A statistic and its 95 % confidence interval; None where undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, point: float, interval: tuple[float, float] | None) -> Estimate:
        """Combine a value and its interval; no interval if the value is undefined."""
        if not np.isfinite(point):
            return cls(None)
        return cls(float(point), *(interval or (None, None)))

    @property
    def numbers(self) -> list[float | None]:
        """List value, low and high, for JSON."""
        return [self.value, self.low, self.high]


@dataclass(frozen=True)
class Points:
    """Values for some stimuli, each of length n.

    values: those of a rater, higher is better. shares, half_widths: the listeners' means and half intervals as shares
    of the scale. items: stimuli of one item are drawn together. groups: parts that are drawn separately, such as
    tests.
    """

    values: Values
    shares: Values
    half_widths: Values
    items: Sequence[str]
    groups: Sequence[str]

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def item_counts(self) -> list[int]:
        """Number of items in each group."""
        return list(Counter(group for group, _ in set(zip(self.groups, self.items, strict=True))).values())


@dataclass(frozen=True)
class Bootstrap:
    """Resamples and seed of the bootstrap; one seed for all raters, so that they see the same resamples."""

    resamples: int = RESAMPLES
    seed: int = 0

    def weights(self, points: Points) -> Values:
        """Weights of the points, (resamples, n); each group is drawn separately."""
        weights = np.empty((self.resamples, points.count))
        groups = np.asarray(points.groups)
        for number, group in enumerate(dict.fromkeys(points.groups)):
            mine = np.flatnonzero(groups == group)
            weights[:, mine] = item_weights(np.asarray(points.items)[mine], self.resamples, self.seed + number)
        return weights

    def mapped(self, points: Points, curve: Callable[[Values], Values]) -> dict[str, Estimate]:
        """Compute pcc, srcc and rmse_star (a share of the scale) after a mapping."""
        if points.count < FEWEST:
            return {name: Estimate(None) for name in ("pcc", "srcc", "rmse_star")}
        predicted = replace(points, values=curve(points.values))
        arguments = predicted.values, points.shares, points.half_widths
        point, drawn = rmse_star(*arguments)[0], rmse_star(*arguments, self.weights(points))
        error = Estimate.of(point, interval(point, drawn, points.item_counts))
        return correlations(predicted, ("pcc", "srcc")) | {"rmse_star": error}


def correlations(points: Points, names: Sequence[str] = tuple(STATISTICS)) -> dict[str, Estimate]:
    """Compute the named correlations, with jackknife intervals over items."""
    if points.count < FEWEST:
        return {name: Estimate(None) for name in names}
    return {
        name: Estimate.of(_plain(STATISTICS[name], points), jackknife.average_interval([_part(name, points)]))
        for name in names
    }


def average(parts: Sequence[Points], name: str) -> Estimate:
    """Average a correlation over independent parts by Fisher's z."""
    parts = [part for part in parts if part.count >= FEWEST and np.isfinite(_plain(STATISTICS[name], part))]
    if not parts:
        return Estimate(None)
    point = fisher_average(np.array([[_plain(STATISTICS[name], part)] for part in parts]))[0]
    return Estimate.of(point, jackknife.average_interval([_part(name, part) for part in parts]))


def within_items(points: Points) -> Estimate:
    """Mean over items of the SRCC within each item of at least three stimuli.

    It ignores offsets between items and measures only the order of systems.
    """
    places: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(points.groups, points.items, strict=True)):
        places.setdefault(key, []).append(i)
    parts = [np.array(members) for members in places.values() if len(members) >= FEWEST_WITHIN]
    each = np.array([srcc(points.values[part], points.shares[part])[0] for part in parts])
    each = each[np.isfinite(each)]
    if not len(each):
        return Estimate(None)
    found = Estimate.of(float(each.mean()), jackknife.mean_interval(each))
    low, high = (None if end is None else min(max(end, -1.0), 1.0) for end in (found.low, found.high))
    return Estimate(found.value, low, high)


def _part(name: str, points: Points) -> tuple[Correlation, Values, Values, Sequence[str], Sequence[str]]:
    return STATISTICS[name], points.values, points.shares, points.items, points.groups


def resampled(statistic: Correlation, points: Points, weights: Values) -> Values:
    """Statistic of each resample, (resamples,); NaN with too few different stimuli: two always give 1 or -1."""
    enough = np.count_nonzero(weights, axis=1) >= FEWEST
    return np.where(enough, statistic(points.values, points.shares, weights), np.nan)


def _plain(statistic: Correlation, points: Points) -> float:
    return float(statistic(points.values, points.shares, None)[0])


def as_numbers(estimates: Mapping[str, Estimate]) -> dict[str, list[float | None]]:
    return {name: estimate.numbers for name, estimate in estimates.items()}
