"""Further raters for conditions that the label's own raters underestimate, mapped to the same scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset
from manifests.ids import matches
from training.data.scale import Mix, Rating, identity_of, rated

_FEWEST = 20  # coded clips that an equating needs
_LEVELS = np.linspace(0, 1, 41)

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Equating:
    """Equipercentile equating of one rater's values to another's (Kolen and Brennan 2014, "Test Equating, Scaling, and
    Linking", ch. 2): a value maps to the one at the same percentile. Linear between, constant outside.

    sign: -1 if the given values are distances. given, meant: rising.
    """

    sign: float
    given: Values
    meant: Values

    def __call__(self, value: float) -> float:
        return float(np.interp(self.sign * value, self.given, self.meant))


def equate(given: Values, meant: Values, identity: tuple[float | None, float]) -> Equating:
    """Fit an equating to two raters' (n,) values of the same clips. identity: their values of a clip against itself, if
    known."""
    sign = -1.0 if spearmanr(given, meant).statistic < 0 else 1.0
    x, y = np.quantile(sign * given, _LEVELS), np.quantile(meant, _LEVELS)
    if identity[0] is not None:
        x, y = np.append(x, sign * identity[0]), np.append(y, identity[1])
    steps, place = np.unique(x, return_inverse=True)
    means = np.bincount(place, weights=y) / np.bincount(place)
    return Equating(sign, steps, np.maximum.accumulate(means))


def joined(
    dataset: Dataset, labels: Mapping[str, Mix], teachers: Mapping[str, Sequence[str]], top: float
) -> dict[str, Mix]:
    """Average `labels`, degraded_id -> label, with the ratings of the teachers of each condition.

    teachers: rater -> patterns of condition names, such as `musical-noise-*`. Each of its values maps to the label at
    the same percentile among the coded clips that both have rated. top: the label of a clip against itself. A clip of
    such a condition that its teacher has not rated is left out. UserError when a teacher has rated too few coded clips.
    """
    rows = [row for row in dataset.degraded(["codec", "condition"]).to_pylist() if row["status"] == schema.OK]
    coded = [row["degraded_id"] for row in rows if row["codec"]]
    further: dict[str, list[Rating]] = {name: [] for name in labels}
    for teacher, patterns in teachers.items():
        ratings = rated(dataset, teacher)
        common = [name for name in coded if name in ratings and name in labels]
        if len(common) < _FEWEST:
            raise UserError(
                f"{dataset.root}: {teacher} has rated {len(common)} coded clips, {_FEWEST} are needed to learn its"
                f" scale; run `labels rate {dataset.root} --rater {teacher}`"
            )
        given, meant = np.array([[ratings[name], labels[name].value] for name in common]).T
        curve = equate(given, meant, (identity_of(dataset, teacher), top))
        for row in rows:
            name = row["degraded_id"]
            if name not in further or not matches(row["condition"], patterns):
                continue
            if name in ratings:
                further[name].append(Rating(curve(ratings[name]), None))
            else:
                del further[name]
    return {name: labels[name].joined(ratings) for name, ratings in further.items()}
