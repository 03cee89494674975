"""Who labels what: some conditions have a teacher of their own, whose values are moved to the scale of all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset
from training.scale import Mix, Rating, identity_of, rated

_FEWEST = 20  # coded versions that an equating may rest on
_LEVELS = np.linspace(0, 1, 41)

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Equating:
    """From one rater's values to those of another that are as rare among the same versions: equipercentile equating
    (Kolen and Brennan 2014, "Test Equating, Scaling, and Linking", ch. 2). Linear between, constant outside.

    sign: -1 where the given values are distances. given, meant: rising.
    """

    sign: float
    given: Values
    meant: Values

    def __call__(self, value: float) -> float:
        return float(np.interp(self.sign * value, self.given, self.meant))


def equate(given: Values, meant: Values, identity: tuple[float | None, float]) -> Equating:
    """Of the same versions' (n,) values by two raters. identity: what both give a clip against itself, where known."""
    sign = -1.0 if spearmanr(given, meant).statistic < 0 else 1.0
    x, y = np.quantile(sign * given, _LEVELS), np.quantile(meant, _LEVELS)
    if identity[0] is not None:
        x, y = np.append(x, sign * identity[0]), np.append(y, identity[1])
    steps, place = np.unique(x, return_inverse=True)
    means = np.bincount(place, weights=y) / np.bincount(place)
    return Equating(sign, steps, np.maximum.accumulate(means))


def assigned(
    dataset: Dataset, teachers: Mapping[str, Sequence[str]], labels: Mapping[str, Mix], top: float
) -> dict[str, Mix]:
    """`labels`, degraded_id -> label, with those of the conditions that `teachers` name replaced by the teacher's.

    teachers: rater -> patterns of condition names, such as `musical-noise-*`. Its values count as those labels that
    are as rare as they among the coded versions that it has rated, too; top: the label of a clip against itself. A
    version of such a condition that its teacher has not rated is left out. UserError when a teacher has rated too few
    coded versions.
    """
    rows = dataset.degraded(["codec", "condition"]).to_pylist()
    rows = [row for row in rows if row["status"] == schema.OK]
    found = dict(labels)
    for teacher, patterns in teachers.items():
        ratings = rated(dataset, teacher)
        common = [row["degraded_id"] for row in rows if row["codec"]]
        common = [name for name in common if name in ratings and name in labels]
        if len(common) < _FEWEST:
            raise UserError(
                f"{dataset.root}: {teacher} has rated {len(common)} coded versions, {_FEWEST} are needed to learn its"
                f" scale; run `labels rate {dataset.root} --rater {teacher}`"
            )
        given, meant = np.array([[ratings[name], labels[name].value] for name in common]).T
        curve = equate(given, meant, (identity_of(dataset, teacher), top))
        for row in rows:
            if any(fnmatchcase(row["condition"], pattern) for pattern in patterns):
                name = row["degraded_id"]
                found.pop(name, None)
                if name in ratings:
                    found[name] = Mix((1.0,), (Rating(curve(ratings[name]), None),))
    return found
