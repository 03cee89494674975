"""The points of codecs in a data set: measured bitrate and a rater's values, per track and bitrate asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepaq.errors import UserError
from labels.codecs.curve import Values
from labels.importing.scores import LISTENERS
from labels.length import too_short
from labels.listening.reader import LOWER
from labels.raters.rater import rater as rater_of
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from manifests.report.rows import Labelled, labelled

MOS = "MOS"
Key = tuple[str, float]  # codec, and the bitrate asked for in kbps


@dataclass(frozen=True)
class Points:
    """Sums over the clips of each track. keys: codec and bitrate of each point. tracks: their ids.

    clips, kbps, value: (points, tracks), the number of clips and the sums of measured bitrates and of values.
    """

    keys: tuple[Key, ...]
    tracks: tuple[str, ...]
    clips: Values
    kbps: Values
    value: Values

    def means(self, weights: Values) -> tuple[Values, Values]:
        """Mean bitrate and value of each point, (resamples, points), for weights of the tracks, (resamples, tracks).

        NaN for a point without clips in a resample.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            count = weights @ self.clips.T
            return weights @ self.kbps.T / count, weights @ self.value.T / count


@dataclass(frozen=True)
class Judged:
    """The points that a rater judges. contents: the same for each class of content, if there are several.

    notes, errors: lines about clips that do not count, and about those that the rater failed on.
    """

    rater: str
    scale: str
    higher_is_better: bool
    points: Points
    contents: Mapping[str, Points] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def judged(dataset: Dataset, rater: str, codecs: Collection[str] = ()) -> Judged:
    """Read the points of `codecs`, all if empty; UserError when the rater has rated none.

    A rater whose extras have a MOS is read as that MOS. If at least three tracks have clips with all points, only clips
    with all of them count, so that all points are of the same music.
    """
    about = _about(dataset)
    rows = [row for row in labelled(dataset, rater) if row.bitrate_kbps is not None and row.actual_kbps]
    names = _names(rows, about)
    known = sorted({row.codec for row in rows} | set(names.values()))
    if unknown := set(codecs) - set(known):
        raise UserError(f"{dataset.root}: {rater} rates no codec {min(unknown)}; it rates {', '.join(known) or 'none'}")
    rows = [row for row in rows if not codecs or row.codec in codecs or names[row.degraded_id] in codecs]
    if not rows:
        raise UserError(f"{dataset.root}: {rater} has rated no clip of a codec at a known bitrate; rate such clips")
    whole = [row for row in rows if not too_short(row.extras.get("common", about[row.degraded_id]["common"]))]
    if not whole:
        raise UserError(f"{dataset.root}: all coded clips differ in length from their references; code them again")
    notes = [f"{len(rows) - len(whole)} clips differ in length from their reference and do not count"] * (
        len(whole) < len(rows)
    )
    mos = all(MOS.lower() in row.extras for row in whole)
    keyed = [(row, (names[row.degraded_id], row.bitrate_kbps or 0.0)) for row in whole]
    kept, more = _common(keyed)
    rated = set(dataset.labels(rater, [])["degraded_id"].to_pylist())
    unrated = sum(
        _asked(row, codecs) and row["status"] == schema.OK for clip, row in about.items() if clip not in rated
    )
    notes += [*more, *([f"{unrated} coded clips are not rated by {rater}"] if unrated else [])]
    found = {
        content: _points([(row, key) for row, key in kept if about[row.degraded_id]["content"] == content], mos)
        for content in sorted({about[row.degraded_id]["content"] for row, _ in kept} - {None})
    }
    return Judged(
        rater,
        MOS if mos else _scale(dataset, rater),
        mos or _higher_is_better(dataset, rater),
        _points(kept, mos),
        found if len(found) > 1 else {},
        tuple(notes),
        tuple(_failures(dataset, rater, about, codecs)),
    )


def _about(dataset: Dataset) -> dict[str, dict[str, Any]]:
    columns = ["condition_id", "condition", "codec", "bitrate_kbps", "encoder", "content", "common", "error"]
    return {row["degraded_id"]: row for row in dataset.degraded(columns).to_pylist()}


def _names(rows: Iterable[Labelled], about: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The codec of each clip; with its encoder, or the id of its settings, where one codec has several at a bitrate."""
    found = {row.degraded_id: row.codec for row in rows}
    for detail in ("encoder", "condition_id"):
        settings: dict[Key, set[str]] = defaultdict(set)
        for clip, name in found.items():
            settings[name, about[clip]["bitrate_kbps"]].add(about[clip]["condition_id"])
        several = {name for (name, _), ids in settings.items() if len(ids) > 1}
        found = {
            clip: f"{name} [{str(about[clip][detail])[:40]}]" if name in several else name
            for clip, name in found.items()
        }
    return found


def _common(rows: Sequence[tuple[Labelled, Key]]) -> tuple[Sequence[tuple[Labelled, Key]], list[str]]:
    """The clips that have all points, if they are of three tracks or more, and a line about the others."""
    keys = {key for _, key in rows}
    counts: dict[str, set[Key]] = defaultdict(set)
    for row, key in rows:
        counts[row.reference_id].add(key)
    whole = {clip for clip, found in counts.items() if len(found) == len(keys)}
    if len(whole) == len(counts):
        return rows, []
    if len({row.track_id for row, _ in rows if row.reference_id in whole}) < 3:
        return rows, ["few clips have all bitrates of all codecs, so the points are of different music"]
    kept = [(row, key) for row, key in rows if row.reference_id in whole]
    return kept, [f"{len(counts) - len(whole)} of {len(counts)} clips lack a bitrate of a codec and do not count"]


def _points(rows: Sequence[tuple[Labelled, Key]], mos: bool) -> Points:
    keys = sorted({key for _, key in rows})
    tracks = sorted({row.track_id for row, _ in rows})
    places = {key: i for i, key in enumerate(keys)}, {track: i for i, track in enumerate(tracks)}
    sums = np.zeros((3, len(keys), len(tracks)))
    for row, key in rows:
        value = row.extras[MOS.lower()] if mos else row.value
        sums[:, places[0][key], places[1][row.track_id]] += 1.0, row.actual_kbps or 0.0, value
    return Points(tuple(keys), tuple(tracks), *sums)


def _scale(dataset: Dataset, rater: str) -> str:
    counts = Counter(dataset.labels(rater, ["scale"])["scale"].to_pylist())
    return counts.most_common(1)[0][0] or "value"


def _higher_is_better(dataset: Dataset, rater: str) -> bool:
    footer = read_footer(fragments(dataset.folder(schema.LABELS, rater))[-1]).get("settings", {})
    if rater == LISTENERS:
        return bool((footer.get("test") or {}).get("better") != LOWER)
    options = {key: value for key, value in (footer.get("options") or {}).items() if value is not None}
    return rater_of(rater, **options).higher_is_better


def _failures(
    dataset: Dataset, rater: str, about: Mapping[str, Mapping[str, Any]], codecs: Collection[str]
) -> Iterable[str]:
    lines = [
        (row, f"{row['condition']} {clip}: was not coded ({row['error']})")
        for clip, row in about.items()
        if row["status"] == schema.FAILED
    ]
    for label in dataset.labels(rater, ["error"]).to_pylist():
        row = about.get(label["degraded_id"])
        if label["status"] == schema.FAILED and row is not None:
            lines.append((row, f"{rater}: {row['condition']} {label['degraded_id']}: {label['error']}"))
    return [line for row, line in lines if _asked(row, codecs)]


def _asked(row: Mapping[str, Any], codecs: Collection[str]) -> bool:
    """Tell if a degraded clip is coded at a bitrate, by one of `codecs`, of whatever build."""
    wanted = {name.partition(" [")[0] for name in codecs}
    return row["codec"] is not None and row["bitrate_kbps"] is not None and (not wanted or row["codec"] in wanted)
