"""How one rater agrees with the listeners over some stimuli, with intervals from the bootstrap over items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labels.benchmark.statistics.bootstrap import RESAMPLES, interval, item_weights
from labels.benchmark.statistics.correlation import Correlation, Values, fisher_average, kendall, pcc, srcc
from labels.benchmark.statistics.mapping import rmse_star

FEWEST = 4  # stimuli that a correlation needs here
FEWEST_WITHIN = 3  # stimuli of an item whose order is judged
STATISTICS: dict[str, Correlation] = {"pcc": pcc, "srcc": srcc, "kendall": kendall}


@dataclass(frozen=True)
class Estimate:
    """A statistic and its 95 % confidence interval; None where undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, point: float, resamples: Values, items: Sequence[int], correlation: bool = True) -> Estimate:
        if not np.isfinite(point):
            return cls(None)
        low, high = interval(point, resamples, items, correlation) or (None, None)
        return cls(float(point), low, high)

    @property
    def numbers(self) -> list[float | None]:
        """For JSON: value, low, high."""
        return [self.value, self.low, self.high]


@dataclass(frozen=True)
class Points:
    """Some stimuli: a rater's values with the better ones higher, and the listeners' means and half intervals as
    shares of the scale, each (n,); items: what is drawn together; groups: what is drawn apart, as tests are."""

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
        """Of each group."""
        return list(Counter(group for group, _ in set(zip(self.groups, self.items, strict=True))).values())


@dataclass(frozen=True)
class Bootstrap:
    """Resamples and seed of the bootstrap; one seed for all raters, so that they see the same resamples."""

    resamples: int = RESAMPLES
    seed: int = 0

    def weights(self, points: Points) -> Values:
        """(resamples, n); each group is drawn by itself."""
        weights = np.empty((self.resamples, points.count))
        groups = np.asarray(points.groups)
        for number, group in enumerate(dict.fromkeys(points.groups)):
            mine = np.flatnonzero(groups == group)
            weights[:, mine] = item_weights(np.asarray(points.items)[mine], self.resamples, self.seed + number)
        return weights

    def correlations(self, points: Points, names: Sequence[str] = tuple(STATISTICS)) -> dict[str, Estimate]:
        """Each of the correlations named."""
        if points.count < FEWEST:
            return {name: Estimate(None) for name in names}
        weights = self.weights(points)
        return {name: self._estimate(STATISTICS[name], points, weights) for name in names}

    def average(self, parts: Sequence[Points], statistic: Correlation) -> Estimate:
        """Fisher's average of a correlation over parts, whose items are drawn independently."""
        parts = [part for part in parts if part.count >= FEWEST and np.isfinite(_plain(statistic, part))]
        if not parts:
            return Estimate(None)
        weights = [item_weights(part.items, self.resamples, self.seed + number) for number, part in enumerate(parts)]
        drawn = np.array([resampled(statistic, *both) for both in zip(parts, weights, strict=True)])
        point = fisher_average(np.array([[_plain(statistic, part)] for part in parts]))[0]
        return Estimate.of(point, fisher_average(drawn), [count for part in parts for count in part.item_counts])

    def within_items(self, points: Points) -> Estimate:
        """The mean over items of the SRCC within each, of items with at least three stimuli.

        It ignores offsets between items, and asks whether the systems come in the listeners' order.
        """
        places: dict[tuple[str, str], list[int]] = {}
        for i, key in enumerate(zip(points.groups, points.items, strict=True)):
            places.setdefault(key, []).append(i)
        parts = [np.array(members) for members in places.values() if len(members) >= FEWEST_WITHIN]
        each = np.array([srcc(points.values[part], points.shares[part])[0] for part in parts])
        each = each[np.isfinite(each)]
        if not len(each):
            return Estimate(None)
        weights = item_weights([str(i) for i in range(len(each))], self.resamples, self.seed)
        drawn = weights @ each / weights.sum(axis=1)
        found = Estimate.of(float(each.mean()), drawn, [len(each)], correlation=False)
        low, high = (None if end is None else min(max(end, -1.0), 1.0) for end in (found.low, found.high))
        return Estimate(found.value, low, high)

    def mapped(self, points: Points, curve: Callable[[Values], Values]) -> dict[str, Estimate]:
        """pcc, srcc and rmse_star (a share of the scale) after a mapping."""
        if points.count < FEWEST:
            return {name: Estimate(None) for name in ("pcc", "srcc", "rmse_star")}
        predicted = Points(curve(points.values), points.shares, points.half_widths, points.items, points.groups)
        weights = self.weights(points)
        result = {name: self._estimate(STATISTICS[name], predicted, weights) for name in ("pcc", "srcc")}
        arguments = predicted.values, points.shares, points.half_widths
        point, drawn = rmse_star(*arguments)[0], rmse_star(*arguments, weights)
        error = Estimate.of(point, drawn, points.item_counts, correlation=False)
        return result | {"rmse_star": error}

    @staticmethod
    def _estimate(statistic: Correlation, points: Points, weights: Values) -> Estimate:
        return Estimate.of(_plain(statistic, points), resampled(statistic, points, weights), points.item_counts)


def resampled(statistic: Correlation, points: Points, weights: Values) -> Values:
    """(resamples,); NaN where too few different stimuli were drawn: two always correlate with 1 or -1."""
    enough = np.count_nonzero(weights, axis=1) >= FEWEST
    return np.where(enough, statistic(points.values, points.shares, weights), np.nan)


def _plain(statistic: Correlation, points: Points) -> float:
    return float(statistic(points.values, points.shares, None)[0])


def as_numbers(estimates: Mapping[str, Estimate]) -> dict[str, list[float | None]]:
    return {name: estimate.numbers for name, estimate in estimates.items()}
