"""Pooling of the points of two signals to one distance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Pooling:
    """Euclidean distance at every step, then a power mean over time.

    power: exponent of the mean; 1 is the plain mean, with 2 (root mean square) short damage counts more.
    tracks: dimensions of the points that make up a step, side by side; their distances are averaged. Empty for steps of
    one point.
    """

    power: float = 1.0
    tracks: tuple[int, ...] = ()

    def per_step(self, reference: Tensor, degraded: Tensor) -> Tensor:
        """Distance at every step between two tensors of (..., steps, dims): (..., steps)."""
        parts = self.split(degraded - reference)
        return torch.stack([torch.linalg.vector_norm(part, dim=-1) for part in parts]).mean(dim=0)

    def split(self, points: Tensor) -> tuple[Tensor, ...]:
        """Split points, (..., dims), into the points of every track."""
        return points.split(self.tracks, dim=-1) if self.tracks else (points,)

    def over_time(self, distances: Tensor) -> Tensor:
        """Power mean over time of non-negative (..., steps): (...). Its gradient is 0 where all of them are 0."""
        return torch.linalg.vector_norm(distances, self.power, dim=-1) / distances.shape[-1] ** (1 / self.power)

    def distance(self, reference: Tensor, degraded: Tensor) -> Tensor:
        """Distance between two tensors of (..., steps, dims): (...)."""
        return self.over_time(self.per_step(reference, degraded))


MEAN = Pooling()
