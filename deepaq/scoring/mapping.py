"""Mappings from distance to MOS: monotone curves, fitted on held-out data and stored with the model.

The DeePAQ paper (arXiv 2510.12326) uses a third-order polynomial or a three-layer perceptron with ReLU and sigmoid.
Here both are monotone, and identical signals get the top of the scale.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from deepaq.arrays import Array, namespace
from deepaq.errors import UserError

Values = npt.NDArray[np.float64]
_LARGEST = 1e300  # bound of the numbers in a mapping


class MosMapping(ABC):
    """A non-increasing function from distance to MOS; distance 0 gives the top of the scale."""

    kind: ClassVar[str]

    @abstractmethod
    def __call__(self, distance: npt.ArrayLike) -> Values:
        """Map distances of any shape to MOS."""

    def to_json(self) -> dict[str, Any]:
        """Return the kind and the parameters, for `model.json`."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class Exponential(MosMapping):
    """MOS = 1 + (top - 1) exp(-scale * distance ** power); scale and power are positive."""

    top: float
    scale: float
    power: float

    kind: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        _check(1, top=self.top)
        _check(0, scale=self.scale, power=self.power)

    def __call__(self, distance: Array) -> Array:
        """Map distances of any shape, also tensors, to MOS."""
        x = distance if hasattr(distance, "detach") else np.asarray(distance, float)
        return 1 + (self.top - 1) * namespace(x).exp(-self.scale * x**self.power)


def fit_exponential(distance: npt.ArrayLike, mos: npt.ArrayLike, top: float) -> Exponential:
    """Fit the exponential curve through `top` at distance 0 to pairs, both (n,), by least squares."""
    from scipy.optimize import least_squares

    x, y = np.asarray(distance, float), np.asarray(mos, float)
    if (x < 0).any():
        raise ValueError("distances must not be negative")
    unit = max(float(np.median(x)), 1e-9)  # in units of the median, to be independent of the scale of the distances

    def curve(p: Values) -> Values:
        return 1 + (top - 1) * np.exp(-np.exp(p[0]) * (x / unit) ** np.exp(p[1]))

    found = least_squares(lambda p: curve(p) - y, x0=np.zeros(2), bounds=([-12, -2], [6, 2]), loss="soft_l1")
    power = float(np.exp(found.x[1]))
    return Exponential(top, float(np.exp(found.x[0]) / unit**power), power)


@dataclass(frozen=True)
class MonotoneCubic(MosMapping):
    """MOS = top - reach * integral from 0 to t of (a + b u)^2 + c u (1 - u) du, t = distance / reach, at most 1.

    With c >= 0, the integrand is a non-negative polynomial of degree 2 on 0..1, and any such polynomial has this form
    (Lukacs' theorem). The curve can thus be any non-increasing cubic through `top` up to the distance `reach`, and is
    constant beyond.
    """

    top: float
    reach: float
    a: float
    b: float
    c: float

    kind: ClassVar[str] = "cubic"

    def __post_init__(self) -> None:
        _check(1, top=self.top)
        _check(0, reach=self.reach)
        _check(-_LARGEST, a=self.a, b=self.b)
        _check(-1e-9, c=self.c)

    def __call__(self, distance: npt.ArrayLike) -> Values:
        t = np.clip(np.asarray(distance, float) / self.reach, 0, 1)
        first, second, third = self.a**2, 2 * self.a * self.b + self.c, self.b**2 - self.c
        return np.asarray(np.maximum(1, self.top - (first * t + second * t**2 / 2 + third * t**3 / 3)))


def fit_cubic(distance: npt.ArrayLike, mos: npt.ArrayLike, top: float) -> MonotoneCubic:
    """Fit the monotone cubic through `top` at distance 0 to pairs, both (n,), by least squares."""
    from scipy.optimize import least_squares

    x, y = np.asarray(distance, float), np.asarray(mos, float)
    reach = max(float(x.max()), 1e-9)

    def curve(p: Values) -> MonotoneCubic:
        return MonotoneCubic(top, reach, *(float(value) for value in p))

    bounds = ([-np.inf, -np.inf, 0], [np.inf, np.inf, np.inf])
    starts = itertools.product((0.3, 1.5), (-3.0, -1.0, 1.0), (0.5, 4.0))
    found = [least_squares(lambda p: curve(p)(x) - y, start, bounds=bounds, loss="soft_l1") for start in starts]
    return curve(min(found, key=lambda result: float(result.cost)).x)


@dataclass(frozen=True)
class Perceptron(MosMapping):
    """MOS = 1 + (top - 1) s(distance) / s(0), s a perceptron of three layers with ReLU, ReLU and sigmoid.

    scale: distance that counts as 1. weights, biases: by layer. Weights of the first layer are at most 0 and the others
    at least 0, so that the function does not increase.
    """

    top: float
    scale: float
    weights: list[list[list[float]]]
    biases: list[list[float]]

    kind: ClassVar[str] = "mlp"

    def __post_init__(self) -> None:
        _check(1, top=self.top)
        _check(0, scale=self.scale)
        size = 1
        try:
            for weight, bias in zip(self.weights, self.biases, strict=True):
                rows = np.array([*weight, bias], float)
                if rows.ndim != 2 or len(rows) != size + 1 or not np.isfinite(rows).all():
                    raise ValueError
                size = rows.shape[1]
        except (TypeError, ValueError, OverflowError):
            size = 0
        if size != 1 or len(self.weights) != 3:
            raise ValueError("weights and biases of the mapping are not those of a perceptron of three layers")

    def __call__(self, distance: npt.ArrayLike) -> Values:
        x = np.asarray(distance, float)
        inner = self._inner(x.reshape(-1, 1) / self.scale)
        return np.asarray(1 + (self.top - 1) * inner / self._inner(np.zeros((1, 1)))).reshape(x.shape)

    def _inner(self, x: Values) -> Values:
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = np.maximum(x @ np.array(weight) + np.array(bias), 0)
        return _sigmoid(x @ np.array(self.weights[-1]) + np.array(self.biases[-1]))


def fit_perceptron(distance: npt.ArrayLike, mos: npt.ArrayLike, top: float, width: int = 8) -> Perceptron:
    """Fit a perceptron with layers of `width` to pairs, both (n,), by least squares.

    The corners of the first layer are fixed at quantiles of the distances, and the second layer passes them on, so only
    the last layer is fitted. This smooth problem with few parameters converges, and rounding errors do not change the
    curve. Fitting all weights would not fit better, because the argument of the sigmoid is convex either way.
    """
    from scipy.optimize import least_squares

    x, y = np.asarray(distance, float), np.asarray(mos, float)
    scale = max(float(np.median(x)), 1e-9)
    corners = np.quantile(x / scale, np.arange(1, width + 1) / width)
    hidden = np.column_stack([np.maximum(corners - x[:, None] / scale, 0), np.ones(len(x))])
    at_zero = np.append(corners, 1.0)

    def curve(p: Values) -> Values:
        return np.asarray(1 + (top - 1) * _sigmoid(hidden @ p) / _sigmoid(at_zero @ p))

    def slope(p: Values) -> Values:
        outer = (1 - _sigmoid(hidden @ p))[:, None] * hidden - (1 - _sigmoid(at_zero @ p)) * at_zero
        return np.asarray((curve(p) - 1)[:, None] * outer)

    start = np.append(np.full(width, 1 / width), -1.0)
    bounds = (np.append(np.zeros(width), -12), np.append(np.full(width, 50), 12))
    # Same loss as in the other fits; the tolerances are far below the rounding of a MOS.
    found = least_squares(
        lambda p: curve(p) - y, start, slope, bounds, loss="soft_l1", ftol=1e-12, xtol=1e-12, gtol=1e-12, max_nfev=3000
    )
    weights = [[[-1.0] * width], np.eye(width).tolist(), found.x[:-1, None].tolist()]
    return Perceptron(top, scale, weights, [corners.tolist(), [0.0] * width, [float(found.x[-1])]])


def _sigmoid(x: Values) -> Values:
    return np.asarray(1 / (1 + np.exp(-x)))


MAPPINGS: dict[str, type[MosMapping]] = {mapping.kind: mapping for mapping in (Exponential, MonotoneCubic, Perceptron)}
FITS = {"exponential": fit_exponential, "cubic": fit_cubic, "mlp": fit_perceptron}


def from_json(settings: Mapping[str, Any]) -> MosMapping:
    """Make the mapping that `to_json` described; UserError for an unknown kind, ValueError for bad parameters."""
    arguments = dict(settings)
    kind = arguments.pop("kind", None)
    if not isinstance(kind, str) or kind not in MAPPINGS:
        raise UserError(f"mapping {str(kind)[:40]!r} is unknown; known are {', '.join(MAPPINGS)}")
    if arguments.keys() != (names := {field.name for field in fields(MAPPINGS[kind])}):  # type: ignore[arg-type]
        raise ValueError(f"the mapping {kind} takes {', '.join(sorted(names))}")
    return MAPPINGS[kind](**arguments)


def _check(low: float, **numbers: Any) -> None:
    """Raise ValueError unless all `numbers` are real and lie above `low`."""
    for name, number in numbers.items():
        real = isinstance(number, int | float) and not isinstance(number, bool)
        if not real or not low < number < _LARGEST:
            raise ValueError(f"{name} of the mapping is {str(number)[:40]}, not a number above {low:g}")
