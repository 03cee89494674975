"""From distance to MOS: monotone curves, fitted on held-out data and stored with the model."""

from __future__ import annotations

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


MAPPINGS: dict[str, type[Mapping]] = {mapping.kind: mapping for mapping in (Exponential,)}


def from_json(settings: Settings[str, Any]) -> Mapping:
    """The mapping that `to_json` described."""
    arguments = dict(settings)
    kind = arguments.pop("kind", None)
    if kind not in MAPPINGS:
        raise UserError(f"mapping {kind!r} is unknown; known are {', '.join(MAPPINGS)}")
    return MAPPINGS[kind](**arguments)
