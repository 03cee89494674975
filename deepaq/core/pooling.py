"""Pooling of the points of two signals to one distance, for NumPy arrays and torch tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deepaq.arrays import Array, namespace, norm


@dataclass(frozen=True)
class Pooling:
    """Euclidean distance at every step, then a power mean over time.

    power: exponent of the mean; 1 is the plain mean, with 2 (root mean square) short damage counts more.
    tracks: dimensions of the points that make up a step, side by side; their distances are averaged. Empty for steps of
    one point.
    """

    power: float = 1.0
    tracks: tuple[int, ...] = ()

    def per_step(self, reference: Array, degraded: Array) -> Array:
        """Distance at every step between two arrays of (..., steps, dims): (..., steps)."""
        apart = degraded - reference
        return namespace(apart).stack([norm(part) for part in self.split(apart)]).mean(0)

    def split(self, points: Array) -> Iterator[Array]:
        """Split points, (..., dims), into the points of every track."""
        start = 0
        for dims in self.tracks or points.shape[-1:]:
            yield points[..., start : start + dims]
            start += dims

    def over_time(self, distances: Array) -> Array:
        """Power mean over time of non-negative (..., steps): (...). Its gradient is 0 where all of them are 0."""
        return norm(distances, self.power) / distances.shape[-1] ** (1 / self.power)

    def distance(self, reference: Array, degraded: Array) -> Array:
        """Distance between two arrays of (..., steps, dims): (...)."""
        return self.over_time(self.per_step(reference, degraded))


MEAN = Pooling()
