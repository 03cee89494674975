"""Mappings from a rater's scale to the listeners', fitted on one set and used on another, and the remaining error.

Inputs are raters' values, higher is better; outputs are ratings as shares of the listeners' scale, 0..1, so that tests
on different scales can be fitted together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from labels.benchmark.statistics.correlation import Values

FEWEST = 8  # points that a fit needs


class Curve(ABC):
    """A curve fitted to (values, ratings), constant outside the range of the fit."""

    name: ClassVar[str]

    def __init__(self, values: Values, ratings: Values) -> None:
        """Fit the curve. values, ratings: shape (n,) with n at least 8, ratings 0..1."""
        if len(values) < FEWEST or np.ptp(values) == 0:
            raise ValueError(f"a mapping needs {FEWEST} points that differ, got {len(values)}")
        self.low, self.high = float(values.min()), float(values.max())
        self._fit(self._unit(values), np.asarray(ratings, dtype=np.float64))

    def __call__(self, values: Values) -> Values:
        """Map values, (n,), to ratings as shares of the listeners' scale, (n,)."""
        return self._curve(np.clip(self._unit(values), 0, 1))

    def _unit(self, values: Values) -> Values:
        return (np.asarray(values, dtype=np.float64) - self.low) / (self.high - self.low)

    @abstractmethod
    def _fit(self, t: Values, ratings: Values) -> None: ...

    @abstractmethod
    def _curve(self, t: Values) -> Values: ...


class MonotoneCubic(Curve):
    """Monotone third-order polynomial (ITU-T P.1401), fitted by least squares.

    A quadratic is non-negative on 0..1 if and only if it is (a + b t)^2 + c^2 t (1 - t) (Lukács). The polynomial is the
    integral of that, so it rises for all parameters.
    """

    name = "monotone cubic"

    def _fit(self, t: Values, ratings: Values) -> None:
        from scipy.optimize import least_squares

        def residuals(p: Values) -> Values:
            return self._value(t, p) - ratings

        slope = max(float(np.polyfit(t, ratings, 1)[0]), 1e-3)
        starts = [[float(ratings.min()), a * slope**0.5, b * slope**0.5, c * slope**0.5] for a, b, c in _STARTS]
        fits = [least_squares(residuals, start, method="lm") for start in starts]
        self.parameters: Values = min(fits, key=lambda fit: float(fit.cost)).x

    def _curve(self, t: Values) -> Values:
        return self._value(t, self.parameters)

    @staticmethod
    def _value(t: Values, p: Values) -> Values:
        """Evaluate d + the integral from 0 to t of (a + b s)^2 + c^2 s (1 - s)."""
        d, a, b, c = p
        return np.asarray(d + a * a * t + (a * b + c * c / 2) * t**2 + (b * b - c * c) * t**3 / 3)


_STARTS = ((1, 0, 0.5), (0, 1.5, 0.1), (1.5, -1.5, 0.1), (0.5, 0, 2), (1.5, -3, 0.1))  # straight, convex, concave, S


class Mlp(Curve):
    """Three-layer perceptron with ReLU and a final sigmoid, as in the DeePAQ paper for mapping distances to ratings.

    Two hidden layers of 16, slight weight decay, L-BFGS on all points, the best of three seeded starts; not monotone.
    Uses NumPy, because a deep-learning framework takes ten times as long for so small a network.
    """

    name = "MLP"
    _SHAPES = ((1, 16), (1, 16), (16, 16), (1, 16), (16, 1), (1, 1))  # weights and biases, layer by layer
    _STARTS, _DECAY = 3, 1e-4

    def _fit(self, t: Values, ratings: Values) -> None:
        from scipy.optimize import minimize
        from threadpoolctl import threadpool_limits

        starts = [self._start(seed) for seed in range(self._STARTS)]
        how = {"jac": True, "method": "L-BFGS-B", "options": {"maxiter": 3000}}  # converges in a few hundred at most
        with threadpool_limits(1):  # threads slow so small a network down twenty times
            fits = [minimize(self._loss, start, (t, ratings), **how) for start in starts]
        self.parameters: Values = min(fits, key=lambda fit: float(fit.fun)).x

    def _curve(self, t: Values) -> Values:
        return self._forward(self.parameters, t)[-1]

    def _start(self, seed: int) -> Values:
        """Initial parameters: normal weights (He et al. 2015), and biases spread over the inputs' range."""
        rng = np.random.default_rng(seed)
        return np.concatenate([rng.normal(0, (2 / rows) ** 0.5, rows * columns) for rows, columns in self._SHAPES]) / 2

    def _layers(self, flat: Values) -> list[Values]:
        sizes = np.cumsum([rows * columns for rows, columns in self._SHAPES])[:-1]
        parts = zip(np.split(flat, sizes), self._SHAPES, strict=True)
        return [part.reshape(shape) for part, shape in parts]

    def _forward(self, flat: Values, t: Values) -> tuple[Values, Values, Values, Values]:
        """Compute the input (n, 1), both hidden layers (n, 16) and the output (n,)."""
        w1, b1, w2, b2, w3, b3 = self._layers(flat)
        inputs = 2 * t[:, None] - 1
        first = np.maximum(inputs @ w1 + b1, 0)
        second = np.maximum(first @ w2 + b2, 0)
        return inputs, first, second, 1 / (1 + np.exp(-(second @ w3 + b3)[:, 0]))

    def _loss(self, flat: Values, t: Values, ratings: Values) -> tuple[float, Values]:
        """Mean squared error plus decay, and its gradient."""
        _, _, w2, _, w3, _ = self._layers(flat)
        inputs, first, second, output = self._forward(flat, t)
        error = output - ratings
        d3 = (2 / len(t) * error * output * (1 - output))[:, None]
        d2 = (d3 @ w3.T) * (second > 0)
        d1 = (d2 @ w2.T) * (first > 0)
        gradients = [inputs.T @ d1, d1.sum(0), first.T @ d2, d2.sum(0), second.T @ d3, d3.sum(0)]
        gradient = np.concatenate([part.ravel() for part in gradients])
        return float(np.mean(error**2) + self._DECAY * flat @ flat), gradient + 2 * self._DECAY * flat


MAPPINGS: tuple[type[Curve], ...] = (MonotoneCubic, Mlp)


def rmse_star(predicted: Values, ratings: Values, half_widths: Values, weights: Values | None = None) -> Values:
    """Epsilon-insensitive root mean square error of ITU-T P.1401: counts errors outside the listeners' 95 % interval.

    predicted, ratings, half_widths (of the intervals): (n,), on one scale. weights: (resamples, n), or None for one
    resample. Returns (resamples,). The divisor is n, because the mapping is not fitted on this set.
    """
    error = np.maximum(np.abs(ratings - predicted) - half_widths, 0.0) ** 2
    w = np.ones((1, len(error))) if weights is None else weights
    return np.asarray(np.sqrt(w @ error / w.sum(axis=1)))
