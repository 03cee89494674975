"""Label rows from ratings: one per listener and one for the listeners' mean, with its confidence interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from labels.listening.reader import Rating, Reader, Spread
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer, read_fragment, write_fragment
from manifests.provenance import provenance

LISTENERS = "listeners"  # the rater of the mean
LISTENER = "listener"  # folder for single listeners, whose rater is listener:<name>
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """Listeners' mean, its 95 % confidence interval by Student's t if there are at least two listeners, their number
    (0: unknown) and standard deviation."""

    value: float
    low: float | None = None
    high: float | None = None
    listeners: int = 0
    deviation: float | None = None


def mean_of(values: Iterable[float]) -> Mean:
    """Mean of the ratings of one stimulus."""
    ratings = np.asarray(list(values), dtype=np.float64)
    mean = float(ratings.mean())
    return (
        _with_interval(mean, float(ratings.std(ddof=1)), len(ratings)) if len(ratings) > 1 else Mean(mean, listeners=1)
    )


def write_ratings(
    dataset: Dataset, test: Reader, ratings: Mapping[str, list[Rating]], packages: Mapping[str, str]
) -> dict[str, int]:
    """Commit the ratings, by degraded_id, that DATA lacks, and the means that they change.

    Returns the numbers of valid ratings and of listeners. Ratings that DATA holds already are kept; means are over all
    listeners in DATA. packages: versions of the installed package that provides the reader.
    """
    known = {(row["degraded_id"], row["rater"]): row for row in listener_rows(dataset)}
    single = [(name, rating) for name, group in ratings.items() for rating in group if rating.listener is not None]
    rows = {
        (name, rater := schema.LISTENER + str(rating.listener)): _row(name, rater, test, rating.value, rating.error)
        for name, rating in single
    }
    new = [row for key, row in rows.items() if key not in known or _better(row, known[key])]
    means = _means(test, ratings, [*known.values(), *new])
    held = {row["degraded_id"]: row for row in dataset.labels(LISTENERS, ["value", "extras"]).to_pylist()}
    changed = [row for row in means if not _same(held.get(row["degraded_id"]), row)]
    for folder, found in ((LISTENER, new), (LISTENERS, changed)):
        if found:
            how = {"test": test.describe(), "level": LEVEL}
            footer = provenance(f"labels import {test.name}", how, packages, keep_in=dataset.root)
            write_fragment(dataset.folder(schema.LABELS, folder), schema.LABELS, found, footer)
    good = [rating for group in ratings.values() for rating in group if rating.value is not None]
    return {"ratings": len(good), "listeners": len({rating.listener for rating in good} - {None})}


def contradictions(dataset: Dataset, test: Reader, ratings: Mapping[str, list[Rating]]) -> list[str]:
    """One line per listener whose earlier imported ratings of this test in DATA differ from the file's."""
    layout = pa.schema([schema.LABELS.schema.field(name) for name in ("degraded_id", "rater", "value", "status")])
    known: dict[str, dict[str, float]] = defaultdict(dict)
    for path in fragments(dataset.folder(schema.LABELS, LISTENER)):
        if read_footer(path).get("settings", {}).get("test", {}).get("name") == test.name:
            for row in read_fragment(path, layout).to_pylist():
                if row["status"] == schema.OK:
                    known[row["rater"].removeprefix(schema.LISTENER)][row["degraded_id"]] = row["value"]
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
    return [row for row in rows if row["rater"].startswith(schema.LISTENER)]


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
            mean = _published(given[0].value, given[0].spread or Spread())
        else:
            rows.append(_row(name, LISTENERS, test, None, "no valid rating"))
            continue
        extras = {"ci_low": mean.low, "ci_high": mean.high, "sd": mean.deviation, "listeners": float(mean.listeners)}
        extras |= {"scale_low": test.lowest, "scale_high": test.highest}
        known = {key: value for key, value in extras.items() if value is not None}
        rows.append(_row(name, LISTENERS, test, mean.value, None) | {"extras": known})
    return rows


def _with_interval(mean: float, deviation: float, listeners: int) -> Mean:
    from scipy.special import stdtrit

    half = float(stdtrit(listeners - 1, (1 + LEVEL) / 2)) * deviation / listeners**0.5
    return Mean(mean, mean - half, mean + half, listeners, deviation)


def _published(value: float, spread: Spread) -> Mean:
    """Build the mean from what the test publishes; prefers a published interval to one from the deviation."""
    if spread.interval is None and spread.deviation is not None and spread.listeners > 1:
        return _with_interval(value, spread.deviation, spread.listeners)
    low, high = spread.interval or (None, None)
    return Mean(value, low, high, spread.listeners, spread.deviation)


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
    """Tell if an invalid rating is replaced by a valid one."""
    return bool(known["status"] != schema.OK and row["status"] == schema.OK)


def _same(held: dict[str, Any] | None, row: dict[str, Any]) -> bool:
    return held is not None and (held["value"], dict(held["extras"] or {})) == (row["value"], row.get("extras", {}))
