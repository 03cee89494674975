"""From distance to MOS: monotone curves, fitted on held-out data and stored with the model.

The DeePAQ paper (arXiv 2510.12326) maps by a third-order polynomial or a three-layer perceptron with ReLU and sigmoid;
both are held to be monotone here, and to give an identical pair the top of the scale.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping as Settings
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from deepaq.errors import UserError

Values = npt.NDArray[np.float64]


class Mapping(ABC):
    """A non-increasing function of the distance. Distance 0 gives the top of the scale."""

    kind: ClassVar[str]

    @abstractmethod
    def __call__(self, distance: npt.ArrayLike) -> Values:
        """MOS of distances of any shape."""

    def to_json(self) -> dict[str, Any]:
        """For the model's settings file."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class Exponential(Mapping):
    """MOS = 1 + (top - 1) exp(-scale * distance ** power); scale and power are positive."""

    top: float
    scale: float
    power: float

    kind: ClassVar[str] = "exponential"

    def __call__(self, distance: npt.ArrayLike) -> Values:
        return np.asarray(1 + (self.top - 1) * np.exp(-self.scale * np.asarray(distance, float) ** self.power))


def fit_exponential(distance: npt.ArrayLike, mos: npt.ArrayLike, top: float) -> Exponential:
    """The exponential curve through `top` at distance 0 with the least squared error over pairs, both (n,)."""
    from scipy.optimize import least_squares

    x, y = np.asarray(distance, float), np.asarray(mos, float)
    if (x < 0).any():
        raise ValueError("distances are not negative")
    unit = max(float(np.median(x)), 1e-9)  # fitted in units of the median, so that any scale of distances will do

    def curve(p: Values) -> Values:
        return 1 + (top - 1) * np.exp(-np.exp(p[0]) * (x / unit) ** np.exp(p[1]))

    found = least_squares(lambda p: curve(p) - y, x0=np.zeros(2), bounds=([-12, -2], [6, 2]), loss="soft_l1")
    power = float(np.exp(found.x[1]))
    return Exponential(top, float(np.exp(found.x[0]) / unit**power), power)


@dataclass(frozen=True)
class Cubic(Mapping):
    """MOS = top - reach * integral from 0 to t of (a + b u)^2 + c u (1 - u) du, t = distance / reach, at most 1.

    The integrand is every non-negative polynomial of degree 2 on 0..1 (Lukacs' theorem; c is not negative), so this is
    every non-increasing cubic through `top` up to the distance `reach`, and constant beyond.
    """

    top: float
    reach: float
    a: float
    b: float
    c: float

    kind: ClassVar[str] = "cubic"

    def __call__(self, distance: npt.ArrayLike) -> Values:
        t = np.clip(np.asarray(distance, float) / self.reach, 0, 1)
        first, second, third = self.a**2, 2 * self.a * self.b + self.c, self.b**2 - self.c
        return np.asarray(np.maximum(1, self.top - (first * t + second * t**2 / 2 + third * t**3 / 3)))


def fit_cubic(distance: npt.ArrayLike, mos: npt.ArrayLike, top: float) -> Cubic:
    """The monotone cubic through `top` at distance 0 with the least squared error over pairs, both (n,)."""
    from scipy.optimize import least_squares

    x, y = np.asarray(distance, float), np.asarray(mos, float)
    reach = max(float(x.max()), 1e-9)

    def curve(p: Values) -> Cubic:
        return Cubic(top, reach, *(float(value) for value in p))

    bounds = ([-np.inf, -np.inf, 0], [np.inf, np.inf, np.inf])
    starts = itertools.product((0.3, 1.5), (-3.0, -1.0, 1.0), (0.5, 4.0))
    found = [least_squares(lambda p: curve(p)(x) - y, start, bounds=bounds, loss="soft_l1") for start in starts]
    return curve(min(found, key=lambda result: float(result.cost)).x)


@dataclass(frozen=True)
class Perceptron(Mapping):
    """MOS = 1 + (top - 1) s(distance) / s(0), s a perceptron of three layers with ReLU, ReLU and sigmoid.

    scale: distance that counts as 1. weights, biases: of every layer; weights of the first are negative in effect and
    the others positive, which makes it non-increasing.
    """

    top: float
    scale: float
    weights: list[list[list[float]]]
    biases: list[list[float]]

    kind: ClassVar[str] = "mlp"

    def __call__(self, distance: npt.ArrayLike) -> Values:
        x = np.asarray(distance, float)
        inner = self._inner(x.reshape(-1, 1) / self.scale)
        return np.asarray(1 + (self.top - 1) * inner / self._inner(np.zeros((1, 1)))).reshape(x.shape)

    def _inner(self, x: Values) -> Values:
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = np.maximum(x @ np.array(weight) + np.array(bias), 0)
        return np.asarray(1 / (1 + np.exp(-(x @ np.array(self.weights[-1]) + np.array(self.biases[-1])))))


def fit_perceptron(
    distance: npt.ArrayLike, mos: npt.ArrayLike, top: float, width: int = 4, seed: int = 0
) -> Perceptron:
    """The perceptron with layers of `width` that fits pairs, both (n,), best; the same for the same seed."""
    from scipy.optimize import least_squares

    x, y = np.asarray(distance, float), np.asarray(mos, float)
    scale = max(float(np.median(x)), 1e-9)
    shapes = ((1, width), (width, width), (width, 1))
    sizes = [rows * columns for rows, columns in shapes] + [columns for _, columns in shapes]

    def build(p: Values) -> Perceptron:
        parts = np.split(p, np.cumsum(sizes)[:-1])
        # Exponentials keep the weights' signs; the first layer falls with the distance, all others rise.
        signs = (-1.0, 1.0, 1.0)
        weights = [
            (sign * np.exp(part)).reshape(shape).tolist()
            for sign, part, shape in zip(signs, parts[:3], shapes, strict=True)
        ]
        return Perceptron(top, scale, weights, [part.tolist() for part in parts[3:]])

    rng = np.random.default_rng(seed)
    start = [rng.normal(0, 0.3, size) for size in sizes]
    # Corners of the first layer are spread over the data: ReLU(bias - weight x) ends at x = bias / weight.
    start[3] = np.exp(start[0]) * np.quantile(x / scale, (np.arange(width) + 0.5) / width)
    start[5] -= 2
    found = least_squares(lambda p: build(p)(x) - y, np.concatenate(start), loss="soft_l1", max_nfev=100)
    return build(found.x)


MAPPINGS: dict[str, type[Mapping]] = {mapping.kind: mapping for mapping in (Exponential, Cubic, Perceptron)}
FITS = {"exponential": fit_exponential, "cubic": fit_cubic, "mlp": fit_perceptron}


def from_json(settings: Settings[str, Any]) -> Mapping:
    """The mapping that `to_json` described."""
    arguments = dict(settings)
    kind = arguments.pop("kind", None)
    if kind not in MAPPINGS:
        raise UserError(f"mapping {kind!r} is unknown; known are {', '.join(MAPPINGS)}")
    return MAPPINGS[kind](**arguments)
