"""What the report is about: the labelled versions, joined from the three tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset


@dataclass(frozen=True)
class Labelled:
    """A rated version. value: the rater's; timeline: its values over time, and extras where they lie."""

    degraded_id: str
    reference_id: str
    condition: str
    codec: str
    bitrate_kbps: float | None
    actual_kbps: float | None
    path: str
    reference_path: str
    track: str
    value: float
    extras: dict[str, float]
    timeline: list[float | None] | None

    @property
    def order(self) -> tuple[float, str]:
        """Conditions in the order of their bitrate, then of their name."""
        return (self.bitrate_kbps if self.bitrate_kbps is not None else 1e9, self.condition)


def choose_rater(dataset: Dataset, name: str | None) -> str:
    """The rater asked for, else ViSQOL, else the one with most labels; UserError when there are no such labels."""
    counts = Counter(dataset.labels(columns=[])["rater"].to_pylist())
    if name is None and counts:
        return "visqol" if "visqol" in counts else counts.most_common(1)[0][0]
    if name is None or name not in counts:
        known = f"raters with labels: {', '.join(sorted(counts))}" if counts else "it has no labels"
        raise UserError(f"{dataset.root}: nothing to report on {name or 'labels'}; {known}; run `labels visqol` first")
    return name


def labelled(dataset: Dataset, rater: str) -> list[Labelled]:
    """The versions that the rater has rated, in the order of codec, bitrate and track."""
    references = {row["reference_id"]: row for row in dataset.references(["path", "track_path"]).to_pylist()}
    columns = ["reference_id", "condition", "codec", "bitrate_kbps", "actual_kbps", "path"]
    degraded = {row["degraded_id"]: row for row in dataset.degraded(columns).to_pylist()}
    found = []
    for label in dataset.labels(rater, ["value", "extras", "timeline"]).to_pylist():
        version = degraded.get(label["degraded_id"], {})
        reference = references.get(version.get("reference_id"))
        if label["status"] != schema.OK or reference is None:
            continue
        found.append(
            Labelled(
                label["degraded_id"],
                version["reference_id"],
                version["condition"],
                version["codec"] or "",
                version["bitrate_kbps"],
                version["actual_kbps"],
                version["path"],
                reference["path"],
                Path(reference["track_path"]).stem,
                label["value"],
                dict(label["extras"] or ()),
                label["timeline"],
            )
        )
    return sorted(found, key=lambda row: (row.codec, row.order, row.track))


def by_codec(rows: Iterable[Labelled]) -> dict[str, dict[str, list[Labelled]]]:
    """codec -> condition -> rows, in their order."""
    groups: dict[str, dict[str, list[Labelled]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[row.codec][row.condition].append(row)
    return groups


def quartiles(values: Sequence[float]) -> tuple[float, float, float, float, float]:
    """Least, lower quartile, median, upper quartile, most."""
    low, q1, middle, q3, high = (float(value) for value in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
    return low, q1, middle, q3, high


def extremes(rows: Sequence[Labelled], count: int, best: bool) -> list[Labelled]:
    """The lowest or highest values, no reference and, while others are left, no condition twice."""
    ranked = sorted(rows, key=lambda row: (-row.value if best else row.value, row.order, row.degraded_id))
    found: list[Labelled] = []
    for once in (True, False):
        for row in ranked:
            tracks, conditions = {other.reference_id for other in found}, {other.condition for other in found}
            fresh = row.reference_id not in tracks and (not once or row.condition not in conditions)
            if fresh and len(found) < count:
                found.append(row)
    return sorted(found, key=ranked.index)


def failures(dataset: Dataset) -> list[tuple[str, str, int, str]]:
    """(table, reason, rows, an id with it) of every failed or skipped row, the most frequent first."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for spec in (schema.REFERENCES, schema.DEGRADED, schema.LABELS):
        for row in dataset.table(spec, ["error"]).to_pylist():
            if row["status"] != schema.OK:
                table = f"{spec.name} {row['rater']}" if "rater" in row else spec.name
                groups[table, f"{row['status']}: {row['error'] or 'no reason given'}"].append(row[spec.key[0]])
    return sorted(((*key, len(ids), ids[0]) for key, ids in groups.items()), key=lambda group: (-group[2], group))
