"""One side of a comparison: a score for every original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deepaq.batch.pairs import Pair
from deepaq.batch.run import Scoring, score_files
from deepaq.comparison.files import Degraded, Originals
from deepaq.errors import UserError
from deepaq.scoring.score import Score


@dataclass(frozen=True)
class Window:
    """About a second of an original: where it starts, how long it is, and its MOS."""

    start_s: float
    seconds: float
    mos: float


@dataclass(frozen=True)
class Scored:
    """The score of one degraded file. kbps: its size over its length. bandwidth_hz: its upper frequency edge.

    loudness: `added` and `missing`, as shares of the original's loudness; empty for networks.
    """

    mos: float
    distance: float
    level_db: float
    tracks: dict[str, float]
    windows: tuple[Window, ...]
    kbps: float
    bandwidth_hz: float
    loudness: dict[str, float] = field(default_factory=dict)


@dataclass
class Side:
    """A codec or a build.

    scores: by name of the original. files: the degraded files. problems: a line for every file that is missing or
    cannot be scored.
    """

    name: str
    scores: dict[str, Scored] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def score_side(originals: Originals, degraded: Degraded, how: Scoring, jobs: int) -> Side:
    """Score the degraded files of a side against their originals."""
    side = Side(degraded.name, problems=list(degraded.problems))
    names = list(degraded.files)
    pairs: Sequence[Pair] = [(originals.files[name], degraded.files[name]) for name in names]
    for name, (pair, answer) in zip(names, score_files(pairs, how, jobs=jobs), strict=True):
        if isinstance(answer, UserError):
            side.problems.append(str(answer))
        else:
            side.scores[name] = scored(answer[0], pair[1])
            side.files[name] = pair[1]
    return side


def scored(score: Score, degraded: Path) -> Scored:
    """Keep what a comparison needs; UserError for a model that has no MOS."""
    if score.mos is None:
        raise UserError("this model has no mapping to a MOS, so it cannot compare codecs")
    assert score.lag_s is not None
    assert score.level_db is not None
    assert score.length_s is not None
    windows = tuple(Window(s.start_s - score.lag_s, s.seconds, float(s.mos or 0.0)) for s in score.segments)
    kbps = 8 * degraded.stat().st_size / 1000 / score.length_s
    shares = {"added": score.added, "missing": score.missing}
    loudness = {name: share for name, share in shares.items() if share is not None}
    edge_hz = score.bandwidth_hz or 0.0
    return Scored(score.mos, score.distance, score.level_db, score.tracks, windows, kbps, edge_hz, loudness)
