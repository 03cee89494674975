"""Ratings become label rows: one per listener and one for the listeners' mean, with its confidence interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from labels.listening.reader import Rating, Reader
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer, read_fragment, write_fragment
from manifests.provenance import provenance

LISTENERS = "listeners"  # the rater of the mean
LISTENER = "listener"  # the folder of single listeners, whose rater is listener:<name>
PREFIX = f"{LISTENER}:"
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """Listeners' mean, its 95 % confidence interval by Student's t where there are two listeners, their number and
    standard deviation."""

    value: float
    low: float | None
    high: float | None
    listeners: int
    deviation: float | None


def mean_of(values: Iterable[float]) -> Mean:
    """Of one stimulus' ratings."""
    from scipy.special import stdtrit

    ratings = np.asarray(list(values), dtype=np.float64)
    n, mean = len(ratings), float(ratings.mean())
    if n < 2:
        return Mean(mean, None, None, n, None)
    deviation = float(ratings.std(ddof=1))
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * deviation / n**0.5
    return Mean(mean, mean - half, mean + half, n, deviation)


def write_ratings(dataset: Dataset, test: Reader, ratings: Mapping[str, list[Rating]]) -> dict[str, int]:
    """Commit the ratings of each degraded_id that are not in DATA yet, and the means that they change.

    Returns how many ratings are good and of how many listeners. A rating that is there already is left alone; a mean
    is of all listeners in DATA.
    """
    footer = provenance(f"labels import {test.name}", {"test": test.describe(), "level": LEVEL}, {})
    known = {(row["degraded_id"], row["rater"]): row for row in listener_rows(dataset)}
    rows = {
        (name, f"{PREFIX}{rating.listener}"): _row(name, f"{PREFIX}{rating.listener}", test, rating.value, rating.error)
        for name, group in ratings.items()
        for rating in group
        if rating.listener is not None
    }
    new = [row for key, row in rows.items() if key not in known or _better(row, known[key])]
    if new:
        write_fragment(dataset.folder(schema.LABELS, LISTENER), schema.LABELS, new, footer)
    means = _means(test, ratings, [*known.values(), *new])
    held = {row["degraded_id"]: row for row in dataset.labels(LISTENERS, ["value", "extras"]).to_pylist()}
    changed = [row for row in means if not _same(held.get(row["degraded_id"]), row)]
    if changed:
        write_fragment(dataset.folder(schema.LABELS, LISTENERS), schema.LABELS, changed, footer)
    good = [rating for group in ratings.values() for rating in group if rating.value is not None]
    return {"ratings": len(good), "listeners": len({rating.listener for rating in good} - {None})}


def contradictions(dataset: Dataset, test: Reader, ratings: Mapping[str, list[Rating]]) -> list[str]:
    """One line per listener whose ratings in DATA, imported from this test before, are others than the file's."""
    layout = pa.schema([schema.LABELS.schema.field(name) for name in ("degraded_id", "rater", "value", "status")])
    known: dict[str, dict[str, float]] = defaultdict(dict)
    for path in fragments(dataset.folder(schema.LABELS, LISTENER)):
        if read_footer(path).get("settings", {}).get("test", {}).get("name") == test.name:
            for row in read_fragment(path, layout).to_pylist():
                if row["status"] == schema.OK:
                    known[row["rater"].removeprefix(PREFIX)][row["degraded_id"]] = row["value"]
    given = {(rating.listener, name): rating.value for name, group in ratings.items() for rating in group}
    lines = []
    for listener, values in sorted(known.items()):
        now = [given.get((listener, name), value) for name, value in values.items()]
        changed = sum(new != old for new, old in zip(now, values.values(), strict=True))
        gone = sum((listener, name) not in given for name in values)
        if changed or gone:
            lines.append(
                f"{listener}: {len(values)} ratings are in {dataset.root}, of which {changed} differ in the file and "
                f"{gone} are not in it; those there are kept and count, import into a new folder if they should not"
            )
    return lines


def listener_rows(dataset: Dataset) -> list[dict[str, Any]]:
    """The label rows of single listeners."""
    rows = dataset.labels(LISTENER, ["value", "error"]).to_pylist()
    return [row for row in rows if row["rater"].startswith(PREFIX)]


def _means(
    test: Reader, ratings: Mapping[str, list[Rating]], listeners: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for row in listeners:
        if row["status"] == schema.OK:
            values[row["degraded_id"]][row["rater"]] = row["value"]
    rows = []
    for name, group in ratings.items():
        given = [rating for rating in group if rating.listener is None]
        if values[name]:
            mean = mean_of(values[name].values())
        elif given and given[0].value is not None:
            low, high = given[0].interval or (None, None)
            mean = Mean(given[0].value, low, high, 0, None)
        else:
            rows.append(_row(name, LISTENERS, test, None, "no valid rating"))
            continue
        extras = {"ci_low": mean.low, "ci_high": mean.high, "sd": mean.deviation, "listeners": float(mean.listeners)}
        extras |= {"scale_low": test.lowest, "scale_high": test.highest}
        known = {key: value for key, value in extras.items() if value is not None}
        rows.append(_row(name, LISTENERS, test, mean.value, None) | {"extras": known})
    return rows


def _row(name: str, rater: str, test: Reader, value: float | None, error: str | None) -> dict[str, Any]:
    return {
        "degraded_id": name,
        "rater": rater,
        "value": value,
        "scale": test.scale,
        "status": schema.FAILED if value is None else schema.OK,
        "error": error,
    }


def _better(row: dict[str, Any], known: dict[str, Any]) -> bool:
    """A rating that was wrong before and is now right."""
    return bool(known["status"] != schema.OK and row["status"] == schema.OK)


def _same(held: dict[str, Any] | None, row: dict[str, Any]) -> bool:
    return held is not None and (held["value"], dict(held["extras"] or {})) == (row["value"], row.get("extras", {}))
