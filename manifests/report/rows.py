"""The rated clips of a report, joined from the tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np

from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset

LOUDNESS = ("added", "missing")  # in extras: shares of the reference's loudness


@dataclass(frozen=True)
class Labelled:
    """A rated degraded clip.

    track_id, track: id of the clean track, and its name for readers. value: the rating. timeline: ratings over time;
    extras say at what times. loudness: `added` and `missing`, as shares of the reference's, if a rater states them.
    """

    degraded_id: str
    reference_id: str
    track_id: str
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
    loudness: dict[str, float] = field(default_factory=dict)

    @property
    def order(self) -> tuple[float, str]:
        """Sorting key of the condition: its bitrate, then its name."""
        return (self.bitrate_kbps if self.bitrate_kbps is not None else 1e9, self.condition)


def choose_rater(dataset: Dataset, name: str | None) -> str:
    """The rater asked for, else ViSQOL, else the one with most labels; UserError when there are no such labels.

    Single listeners are no raters here; `listeners` is their mean.
    """
    names = dataset.labels(columns=[])["rater"].to_pylist()
    counts = Counter(name for name in names if not name.startswith(schema.LISTENER))
    if name is None and counts:
        return "visqol" if "visqol" in counts else counts.most_common(1)[0][0]
    if name is None or name not in counts:
        known = f"raters with labels: {', '.join(sorted(counts))}" if counts else "it has no labels"
        raise UserError(f"{dataset.root}: nothing to report on {name or 'labels'}; {known}; run `labels visqol` first")
    return name


def labelled(dataset: Dataset, rater: str) -> list[Labelled]:
    """The degraded clips that the rater has rated, sorted by codec, bitrate and track."""
    references = {
        row["reference_id"]: row for row in dataset.references(["track_id", "path", "track_path"]).to_pylist()
    }
    names = track_names(dataset, references.values())
    columns = ["reference_id", "condition", "codec", "bitrate_kbps", "actual_kbps", "path", "item"]
    degraded = {row["degraded_id"]: row for row in dataset.degraded(columns).to_pylist()}
    loudness = _loudness(dataset)
    found = []
    for label in dataset.labels(rater, ["value", "extras", "timeline"]).to_pylist():
        clip = degraded.get(label["degraded_id"], {})
        reference = references.get(clip.get("reference_id"))
        if label["status"] != schema.OK or reference is None or clip["path"] is None or reference["path"] is None:
            continue
        found.append(
            Labelled(
                label["degraded_id"],
                clip["reference_id"],
                reference["track_id"],
                clip["condition"],
                clip["codec"] or "",
                clip["bitrate_kbps"],
                clip["actual_kbps"],
                clip["path"],
                reference["path"],
                clip["item"] or names[reference["track_id"]],
                label["value"],
                dict(label["extras"] or ()),
                label["timeline"],
                loudness.get(label["degraded_id"], {}),
            )
        )
    return sorted(found, key=lambda row: (row.codec, row.order, row.track))


def _loudness(dataset: Dataset) -> dict[str, dict[str, float]]:
    """Loudness that is added and missing, by degraded_id, from the first rater that states both."""
    found: dict[str, dict[str, float]] = {}
    for label in dataset.labels(columns=["extras"]).to_pylist():
        extras = dict(label["extras"] or ())
        if all(name in extras for name in LOUDNESS):
            found.setdefault(label["degraded_id"], {name: extras[name] for name in LOUDNESS})
    return found


def track_names(dataset: Dataset, references: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Names by track_id: as the table of tracks gives them, else the end of the path that no other track shares."""
    paths = {row["track_id"]: PurePath(row["track_path"]).with_suffix("").parts for row in references}
    names: dict[str, str] = {}
    for length in range(1, 1 + max(map(len, paths.values()), default=0)):
        short = {track: "/".join(parts[-length:]) for track, parts in paths.items() if track not in names}
        counts = Counter(short.values())
        names |= {track: name for track, name in short.items() if counts[name] == 1}
    tracks = {row["track_id"]: row["name"] for row in dataset.tracks(["track_id", "name"]).to_pylist()}
    counts = Counter(tracks.values())
    unique = {track: name for track, name in tracks.items() if counts[name] == 1}
    whole = {track: "/".join(parts) for track, parts in paths.items()}
    return {**whole, **names, **unique}


def by_codec(rows: Iterable[Labelled]) -> dict[str, dict[str, list[Labelled]]]:
    """Group rows: codec -> condition -> rows, in their order."""
    groups: dict[str, dict[str, list[Labelled]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[row.codec][row.condition].append(row)
    return groups


def quartiles(values: Sequence[float]) -> tuple[float, float, float, float, float]:
    """Minimum, lower quartile, median, upper quartile, maximum."""
    low, q1, middle, q3, high = (float(value) for value in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
    return low, q1, middle, q3, high


def extremes(rows: Sequence[Labelled], count: int, best: bool) -> list[Labelled]:
    """The `count` lowest or highest ratings, at most one per reference clip, and per condition while others remain."""
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
    """(table, reason, rows, id of one of them) of the failed and skipped rows, the most frequent first."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for spec in (schema.REFERENCES, schema.DEGRADED, schema.LABELS):
        for row in dataset.table(spec, ["error"]).to_pylist():
            if row["status"] != schema.OK:
                table = f"{spec.name} {row['rater']}" if "rater" in row else spec.name
                groups[table, f"{row['status']}: {row['error'] or 'no reason given'}"].append(row[spec.key[0]])
    return sorted(((*key, len(ids), ids[0]) for key, ids in groups.items()), key=lambda group: (-group[2], group))


COMMON = "common"  # in extras: the share of the longer of two files that was compared
LEAST_COMMON = 0.95


def incomplete(dataset: Dataset, rows: Iterable[Labelled]) -> list[tuple[Labelled, float]]:
    """Pairs with less than 95 % compared, and that share, by any rater that states it; the least first."""
    shares: dict[str, float] = {}
    for label in dataset.labels(columns=["extras"]).to_pylist():
        share = dict(label["extras"] or ()).get(COMMON)
        if share is not None and share < LEAST_COMMON:
            shares[label["degraded_id"]] = min(share, shares.get(label["degraded_id"], 1.0))
    found = [(row, shares[row.degraded_id]) for row in rows if row.degraded_id in shares]
    return sorted(found, key=lambda pair: (pair[1], pair[0].degraded_id))
