"""From the points of two signals to one distance: Euclidean at every moment, then a mean over the moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True)
class Pooling:
    """power: of the mean over time; 1 is the plain mean, with 2 (root mean square) short damage counts more.

    tracks: dimensions of the points that a step consists of, one beside the other, each with a distance of its own,
    which are averaged; empty where a step is one point.
    """

    power: float = 1.0
    tracks: tuple[int, ...] = ()

    def moments(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Two times (..., steps, dims) -> (..., steps): how far apart both are at every moment."""
        parts = self.split(theirs - ours)
        return torch.stack([torch.linalg.vector_norm(part, dim=-1) for part in parts]).mean(dim=0)

    def split(self, points: Tensor) -> tuple[Tensor, ...]:
        """(..., dims) -> the points of every track."""
        return points.split(self.tracks, dim=-1) if self.tracks else (points,)

    def over_time(self, moments: Tensor) -> Tensor:
        """(..., moments) -> (...): not negative -> their power mean. Its gradient is 0 where all moments are 0."""
        return torch.linalg.vector_norm(moments, self.power, dim=-1) / moments.shape[-1] ** (1 / self.power)

    def distance(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Two times (..., steps, dims) -> (...)."""
        return self.over_time(self.moments(ours, theirs))

    def mean(self, distances: npt.ArrayLike, weights: npt.ArrayLike) -> tuple[float, float, float]:
        """Of stretches of time, weighted by their length: the power mean, and a 95 % interval of it from their spread.

        With one stretch the interval is the mean itself.
        """
        powers, shares = np.asarray(distances, float) ** self.power, np.asarray(weights, float)
        middle = float(np.average(powers, weights=shares))
        spread = np.sqrt(np.average((powers - middle) ** 2, weights=shares) / max(1, len(powers) - 1))
        found = (middle, max(0.0, middle - 1.96 * spread), middle + 1.96 * spread)
        mean, low, high = (float(value ** (1 / self.power)) for value in found)
        return mean, low, high


MEAN = Pooling()
