"""A comparison of two sides, file by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepaq.comparison.side import Scored, Side
from deepaq.comparison.statistics import interval, needed_files, sign_test, verdict
from deepaq.errors import UserError

TAIL_PERCENT = 5


@dataclass(frozen=True)
class Place:
    """A file, the second of the original where a window starts (None for the whole file), and the change of MOS."""

    file: str
    second: float | None
    change: float

    def to_json(self) -> dict[str, Any]:
        """JSON-serialisable; a whole file has no second."""
        return {"file": self.file} | ({} if self.second is None else {"second": self.second}) | {"change": self.change}


@dataclass(frozen=True)
class Comparison:
    """B against A over the files that both have; changes are B minus A, in MOS.

    low, high: 95 % interval of the mean over tracks, None with too few. p: of the sign test. tail: 5th percentile of
    the MOS of both. worst_file, worst: largest drops of a file and of a window. needed: files that would show .05 MOS.
    tracks, level_db: mean changes of the parts of the distance and of the level. bandwidth_hz, kbps: means of both.
    loudness: means of both of the loudness that is added and missing, by these names; empty for networks.
    """

    a: str
    b: str
    changes: dict[str, float]
    problems: tuple[str, ...]
    mean: float
    median: float
    low: float | None
    high: float | None
    wins: int
    losses: int
    ties: int
    p: float
    verdict: str
    needed: int
    tail: tuple[float, float]
    worst_file: Place
    worst: Place
    tracks: dict[str, float]
    level_db: float
    bandwidth_hz: tuple[float, float]
    kbps: tuple[float, float]
    loudness: dict[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """The figures, JSON-serialisable."""
        low, high = self.tail
        return {
            "a": self.a,
            "b": self.b,
            "files": len(self.changes),
            "missing": list(self.problems),
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "median": self.median,
            "wins": self.wins,
            "losses": self.losses,
            "ties": self.ties,
            "p": self.p,
            "verdict": self.verdict,
            "tail": {"a": low, "b": high, "change": high - low, "worst": self.worst_file.to_json()},
            "worst": self.worst.to_json(),
            "needed_files": self.needed,
            "kbps": {"a": self.kbps[0], "b": self.kbps[1]},
            "tracks": self.tracks,
            "level_db": self.level_db,
            "bandwidth_hz": {"a": self.bandwidth_hz[0], "b": self.bandwidth_hz[1]},
            "loudness": {name: {"a": first, "b": second} for name, (first, second) in self.loudness.items()},
        }


def compare(a: Side, b: Side, tracks: Mapping[str, str]) -> Comparison:
    """Compare two sides; UserError when no file has a score on both.

    tracks: the track of each file, by the file's name; files of one track are not independent.
    """
    names = [name for name in a.scores if name in b.scores]
    if not names:
        raise UserError(f"{a.name}, {b.name}: no file has a score on both sides" + _first(a.problems + b.problems))
    ours, theirs = [a.scores[name] for name in names], [b.scores[name] for name in names]
    changes = {name: second.mos - first.mos for name, first, second in zip(names, ours, theirs, strict=True)}
    values = list(changes.values())
    bounds = interval(values, [tracks[name] for name in names])
    wins, losses, ties, p = sign_test(values)
    percentiles = [float(np.percentile([s.mos for s in side], TAIL_PERCENT)) for side in (ours, theirs)]
    lowest = min(changes, key=changes.__getitem__)
    return Comparison(
        a.name,
        b.name,
        changes,
        (*a.problems, *b.problems),
        float(np.mean(values)),
        float(np.median(values)),
        bounds[0] if bounds else None,
        bounds[1] if bounds else None,
        wins,
        losses,
        ties,
        p,
        verdict(bounds),
        needed_files(values),
        (percentiles[0], percentiles[1]),
        Place(lowest, None, changes[lowest]),
        min((_worst(*found) for found in zip(names, ours, theirs, strict=True)), key=lambda place: place.change),
        _tracks(ours, theirs),
        float(np.mean([second.level_db - first.level_db for first, second in zip(ours, theirs, strict=True)])),
        _means([s.bandwidth_hz for s in ours], [s.bandwidth_hz for s in theirs]),
        _means([s.kbps for s in ours], [s.kbps for s in theirs]),
        {
            name: _means([s.loudness[name] for s in ours], [s.loudness[name] for s in theirs])
            for name in ours[0].loudness
        },
    )


def _worst(name: str, first: Scored, second: Scored) -> Place:
    """The window of the original in which the MOS falls most."""
    places = []
    for window in second.windows:
        middle = window.start_s + window.seconds / 2
        same = min(first.windows, key=lambda other: abs(other.start_s + other.seconds / 2 - middle))
        places.append(Place(name, round(max(window.start_s, 0.0), 2), window.mos - same.mos))
    return min(places, key=lambda place: place.change)


def _tracks(ours: Sequence[Scored], theirs: Sequence[Scored]) -> dict[str, float]:
    pairs = list(zip(ours, theirs, strict=True))
    return {name: float(np.mean([b.tracks[name] - a.tracks[name] for a, b in pairs])) for name in ours[0].tracks}


def _means(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(ours)), float(np.mean(theirs))


def _first(problems: Sequence[str]) -> str:
    return f" ({problems[0]})" if problems else ""
