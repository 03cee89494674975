"""One scale for all raters, so that their values can be mixed: mean opinion scores of 1 (bad) to 5 (excellent)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer

# Ends of the scales that are better the higher. ODG: the objective difference grade of ITU-R BS.1387.
ENDS = {"MOS": (1.0, 5.0), "MOS-LQO": (1.0, 5.0), "ODG": (-4.0, 0.0), "MUSHRA": (0.0, 100.0)}


def mos(value: float, ends: tuple[float, float]) -> float:
    """`value` moved linearly from a scale's ends to 1 and 5; no more than 5."""
    low, high = ends
    return min(5.0, 1 + 4 * (value - low) / (high - low))


def mixed(dataset: Dataset, raters: Mapping[str, float]) -> tuple[dict[str, float], float]:
    """degraded_id -> MOS, the weighted mean over `raters` (name -> weight) of what all of them rated; and the MOS of a
    clip against itself.

    UserError when a rater has no labels here or a scale that has no place on 1 to 5.
    """
    total = sum(raters.values())
    if not raters or total <= 0 or min(raters.values()) < 0:
        raise UserError("recipe: data.raters names no rater with a positive weight")
    sums: dict[str, float] = {}
    identity = 0.0
    for number, (name, weight) in enumerate(raters.items()):
        values, best = _of(dataset, name)
        share = weight / total
        identity += share * best
        if number == 0:
            sums = {key: share * value for key, value in values.items()}
        else:
            sums = {key: sums[key] + share * values[key] for key in sums.keys() & values.keys()}
    return sums, identity


def _of(dataset: Dataset, rater: str) -> tuple[dict[str, float], float]:
    """A rater's values as MOS, and what it gives a clip against itself."""
    rows = [
        row
        for row in dataset.labels(rater, ["value", "scale", "extras"]).to_pylist()
        if row["status"] == schema.OK and row["rater"] == rater
    ]
    if not rows:
        raise UserError(f"{dataset.root}: has no labels by {rater}; run `labels rate {dataset.root} --rater {rater}`")
    found = {row["degraded_id"]: mos(row["value"], _ends(dataset, rater, row)) for row in rows}
    stated = read_footer(fragments(dataset.folder(schema.LABELS, rater))[0]).get("settings", {}).get("identity")
    # Listeners say nothing of a clip against itself; by the rules of their tests it is the top of the scale.
    return found, 5.0 if stated is None else mos(float(stated), _ends(dataset, rater, rows[0]))


def _ends(dataset: Dataset, rater: str, row: Mapping[str, Any]) -> tuple[float, float]:
    extras = _extras(row["extras"])
    if "scale_low" in extras and "scale_high" in extras:
        return extras["scale_low"], extras["scale_high"]
    if row["scale"] not in ENDS:
        raise UserError(
            f"{dataset.root}: {rater} rates on the scale {row['scale']!r}, which has no place on MOS 1 to 5;"
            f" choose raters with one of {', '.join(ENDS)}"
        )
    return ENDS[row["scale"]]


def _extras(pairs: Iterable[tuple[str, float]] | None) -> dict[str, float]:
    return dict(pairs or ())
