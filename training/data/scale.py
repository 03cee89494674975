"""A common scale for all raters, so that their values can be mixed: MOS from 1 (bad) to 5 (excellent)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer

# Ends of scales on which higher is better. ODG: the objective difference grade of ITU-R BS.1387.
ENDS = {"MOS": (1.0, 5.0), "MOS-LQO": (1.0, 5.0), "ODG": (-4.0, 0.0), "MUSHRA": (0.0, 100.0)}

Ends = tuple[float, float]


def mos(value: float, ends: Ends) -> float:
    """Map `value` linearly from a scale's ends to 1 and 5; at most 5."""
    low, high = ends
    return min(5.0, 1 + 4 * (value - low) / (high - low))


@dataclass(frozen=True)
class Timeline:
    """MOS over time. seconds: centres of the rated windows, rising. values: their MOS."""

    seconds: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, second: float) -> float:
        """Interpolate linearly between centres; constant before the first and after the last."""
        return float(np.interp(second, self.seconds, self.values))


@dataclass(frozen=True)
class Rating:
    """MOS of a degraded clip, and over time if the rater gave that."""

    value: float
    timeline: Timeline | None


@dataclass(frozen=True)
class Mix:
    """Weighted ratings of one degraded clip. shares: weight of each rating; they sum to 1."""

    shares: tuple[float, ...]
    ratings: tuple[Rating, ...]

    @property
    def value(self) -> float:
        return sum(share * rating.value for share, rating in zip(self.shares, self.ratings, strict=True))

    def joined(self, further: Sequence[Rating]) -> Mix:
        """Average with further ratings, each of which weighs as much as all of these together."""
        share = 1 / (1 + len(further))
        return Mix((*(share * own for own in self.shares), *[share] * len(further)), (*self.ratings, *further))

    def at(self, second: float) -> float:
        """Return the MOS around a point in time; a rater without a timeline counts with its MOS of the whole clip."""
        pairs = zip(self.shares, self.ratings, strict=True)
        return sum(share * (r.timeline.at(second) if r.timeline else r.value) for share, r in pairs)


def mixed(dataset: Dataset, raters: Mapping[str, float]) -> tuple[dict[str, Mix], float]:
    """Return degraded_id -> ratings of the clips that all of `raters` (name -> weight) rated, and the MOS of a clip
    against itself.

    UserError when a rater has no labels here, or a scale that cannot be mapped to 1 to 5.
    """
    total = sum(raters.values())
    if not raters or total <= 0 or min(raters.values()) < 0:
        raise UserError("recipe: data.raters names no rater with a positive weight")
    found = {name: _of(dataset, name) for name in raters}
    shares = tuple(weight / total for weight in raters.values())
    common = set.intersection(*(set(ratings) for ratings, _ in found.values()))
    first, _ = next(iter(found.values()))
    mixes = {key: Mix(shares, tuple(ratings[key] for ratings, _ in found.values())) for key in first if key in common}
    return mixes, sum(share * best for share, (_, best) in zip(shares, found.values(), strict=True))


def rated(dataset: Dataset, rater: str) -> dict[str, float]:
    """Return degraded_id -> a rater's value on its own scale; UserError when there is none."""
    return {row["degraded_id"]: row["value"] for row in _rows(dataset, rater, ["value"])}


def identity_of(dataset: Dataset, rater: str) -> float | None:
    """Return the value that a rater states for a clip against itself, on its own scale; None if it states none."""
    stated = read_footer(fragments(dataset.folder(schema.LABELS, rater))[0]).get("settings", {}).get("identity")
    return None if stated is None else float(stated)


def _of(dataset: Dataset, rater: str) -> tuple[dict[str, Rating], float]:
    """Return a rater's values as MOS, and its MOS of a clip against itself."""
    found = {}
    for row in _rows(dataset, rater, ["value", "scale", "extras", "timeline"]):
        extras = dict(row["extras"] or ())
        ends = _ends(dataset, rater, row["scale"], extras)
        found[row["degraded_id"]] = Rating(mos(row["value"], ends), _timeline(row["timeline"], extras, ends))
    stated = identity_of(dataset, rater)
    # Listeners do not rate a clip against itself; by the rules of their tests it is the top of the scale.
    return found, 5.0 if stated is None else mos(stated, ends)


def _rows(dataset: Dataset, rater: str, columns: list[str]) -> list[dict[str, Any]]:
    table = dataset.labels(rater, columns)
    rows = [row for row in table.to_pylist() if row["status"] == schema.OK and row["rater"] == rater]
    if not rows:
        raise UserError(f"{dataset.root}: has no labels by {rater}; run `labels rate {dataset.root} --rater {rater}`")
    return rows


def _ends(dataset: Dataset, rater: str, scale: str, extras: Mapping[str, Any]) -> Ends:
    if "scale_low" in extras and "scale_high" in extras:
        return extras["scale_low"], extras["scale_high"]
    if scale not in ENDS:
        raise UserError(
            f"{dataset.root}: {rater} rates on the scale {scale!r}, which cannot be mapped to MOS 1 to 5;"
            f" choose raters with one of {', '.join(ENDS)}"
        )
    return ENDS[scale]


def _timeline(values: Sequence[float | None] | None, extras: Mapping[str, float], ends: Ends) -> Timeline | None:
    if values is None or "timeline_hop_s" not in extras:
        return None
    first = extras["timeline_start_s"] + extras["timeline_window_s"] / 2
    known = [(first + place * extras["timeline_hop_s"], value) for place, value in enumerate(values)]
    pairs = [(second, mos(value, ends)) for second, value in known if value is not None]
    return Timeline(*(tuple(column) for column in zip(*pairs, strict=True))) if pairs else None
