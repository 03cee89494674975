"""What a metric answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deepaq.backbones.pooling import MEAN, Pooling
from deepaq.scoring.mapping import Mapping


@dataclass(frozen=True)
class Segment:
    """A stretch of the degraded signal: where it begins, how long it is, its distance and MOS."""

    start_s: float
    seconds: float
    distance: float
    mos: float | None


@dataclass(frozen=True)
class Score:
    """One number for a signal, and how it came about.

    distance: 0 is identical, no upper bound. mos: 1 (bad) to 5 (excellent), None when the model has no mapping.
    mos_low, mos_high: what the spread of the segments lets expect of other excerpts of the same kind, a 95 % interval
    of the mean; None with fewer than two segments. segments: the same over time. seconds: how much was scored.
    lag_samples: at `sample_rate`, positive when the degraded signal was late, removed before scoring; None without a
    matching reference. level_db: of the degraded signal relative to the reference. notes: what was done to the signals
    and what to mind, one line each.
    """

    distance: float
    mos: float | None
    mos_low: float | None
    mos_high: float | None
    segments: tuple[Segment, ...]
    seconds: float
    sample_rate: int
    lag_samples: int | None = None
    level_db: float | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The figures without the segments and notes."""
        names = ("distance", "mos", "mos_low", "mos_high", "seconds", "lag_samples", "level_db")
        return {name: getattr(self, name) for name in names}


def sum_up(
    segments: Sequence[Segment],
    mapping: Mapping | None,
    sample_rate: int,
    *,
    pooling: Pooling = MEAN,
    lag: int | None = None,
    level_db: float | None = None,
    notes: Sequence[str] = (),
) -> Score:
    """A score whose distance is the segments' mean in the sense of `pooling`, weighted by their length."""
    seconds = [segment.seconds for segment in segments]
    distance, near, far = pooling.mean([segment.distance for segment in segments], seconds)
    low, high = (mos(mapping, far), mos(mapping, near)) if len(segments) > 1 else (None, None)
    return Score(
        distance,
        mos(mapping, distance),
        low,
        high,
        tuple(segments),
        sum(seconds),
        sample_rate,
        lag,
        level_db,
        tuple(notes),
    )


def mos(mapping: Mapping | None, distance: float) -> float | None:
    """The MOS of one distance."""
    return None if mapping is None else float(mapping(distance))
