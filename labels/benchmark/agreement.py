"""How one rater agrees with the listeners over some stimuli, with intervals from the bootstrap over items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labels.statistics.bootstrap import RESAMPLES, interval, item_weights
from labels.statistics.correlation import Correlation, Values, fisher_average, kendall, pcc, srcc
from labels.statistics.mapping import rmse_star

FEWEST = 4  # stimuli that a correlation needs here
STATISTICS: dict[str, Correlation] = {"pcc": pcc, "srcc": srcc, "kendall": kendall}


@dataclass(frozen=True)
class Estimate:
    """A statistic and its 95 % confidence interval; None where undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, point: float, resamples: Values, items: int, correlation: bool = True) -> Estimate:
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
    def item_count(self) -> int:
        return len(set(zip(self.groups, self.items, strict=True)))


@dataclass(frozen=True)
class Bootstrap:
    """Resamples and seed of the bootstrap; one seed for all raters, so that they see the same resamples."""

    resamples: int = RESAMPLES
    seed: int = 0

    def weights(self, points: Points) -> Values:
        """(resamples, n); within each group as many items as there are."""
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
        parts = [part for part in parts if part.count >= FEWEST]
        if not parts:
            return Estimate(None)
        point = np.array([statistic(part.values, part.shares, None) for part in parts])
        drawn = np.array(
            [
                statistic(p.values, p.shares, item_weights(p.items, self.resamples, self.seed + number))
                for number, p in enumerate(parts)
            ]
        )
        point = point[np.isfinite(point[:, 0])]
        if not len(point):
            return Estimate(None)
        return Estimate.of(fisher_average(point)[0], fisher_average(drawn), sum(p.item_count for p in parts))

    def mapped(self, points: Points, curve: Callable[[Values], Values]) -> dict[str, Estimate]:
        """pcc, srcc and rmse_star (a share of the scale) after a mapping."""
        if points.count < FEWEST:
            return {name: Estimate(None) for name in ("pcc", "srcc", "rmse_star")}
        predicted = Points(curve(points.values), points.shares, points.half_widths, points.items, points.groups)
        weights = self.weights(points)
        result = {name: self._estimate(STATISTICS[name], predicted, weights) for name in ("pcc", "srcc")}
        arguments = predicted.values, points.shares, points.half_widths
        point, drawn = rmse_star(*arguments)[0], rmse_star(*arguments, weights)
        error = Estimate.of(point, drawn, points.item_count, correlation=False)
        return result | {"rmse_star": error}

    @staticmethod
    def _estimate(statistic: Correlation, points: Points, weights: Values) -> Estimate:
        point = statistic(points.values, points.shares, None)[0]
        return Estimate.of(point, statistic(points.values, points.shares, weights), points.item_count)


def as_numbers(estimates: Mapping[str, Estimate]) -> dict[str, list[float | None]]:
    return {name: estimate.numbers for name, estimate in estimates.items()}
