"""The result of scoring one signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deepaq.backbones.pooling import MEAN, Pooling
from deepaq.scoring.mapping import MosMapping

Timed = tuple[float, float, float]  # a segment: start and length in seconds, distance


@dataclass(frozen=True)
class Segment:
    """Part of a score: when it starts in the degraded signal, how much of it was scored, its distance and its MOS."""

    start_s: float
    seconds: float
    distance: float
    mos: float | None


@dataclass(frozen=True)
class Score:
    """A score and how it came about.

    distance: 0 is identical, no upper bound. mos: 1 (bad) to 5 (excellent), None when the model has no mapping.
    mos_low, mos_high: 95 % interval of the mean over time, from the spread of the segments: the range to expect for
    other excerpts of the same kind; None with fewer than two segments. segments: the score over time. seconds: length
    of the audio that was scored. lag_samples: lag at `sample_rate` that was removed before scoring, positive when the
    degraded signal was late; None without a matching reference. level_db: level of the degraded signal relative to the
    reference. notes: what was done to the signals and what to be aware of, one line each. length_difference_s: seconds
    by which the aligned degraded signal ends after the reference, negative when before; that part is not scored.
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
    length_difference_s: float | None = None

    @property
    def lag_s(self) -> float | None:
        """Lag in seconds."""
        return None if self.lag_samples is None else self.lag_samples / self.sample_rate

    def to_json(self) -> dict[str, Any]:
        """Return the figures without the segments and notes."""
        names = ("distance", "mos", "mos_low", "mos_high", "seconds", "lag_samples", "level_db", "length_difference_s")
        return {name: getattr(self, name) for name in names}


def sum_up(
    segments: Sequence[Timed],
    mapping: MosMapping | None,
    sample_rate: int,
    *,
    pooling: Pooling = MEAN,
    lag: int | None = None,
    level_db: float | None = None,
    notes: Sequence[str] = (),
    length_difference_s: float | None = None,
) -> Score:
    """Make a score whose distance is the mean of the segments' by `pooling`, weighted by length."""

    def mos(distance: float) -> float | None:
        return None if mapping is None else float(mapping(distance))

    seconds = [length for _, length, _ in segments]
    distance, near, far = pooling.mean([apart for _, _, apart in segments], seconds)
    several = len(segments) > 1
    return Score(
        distance,
        mos(distance),
        mos(far) if several else None,
        mos(near) if several else None,
        tuple(Segment(start, length, apart, mos(apart)) for start, length, apart in segments),
        sum(seconds),
        sample_rate,
        lag,
        level_db,
        tuple(notes),
        length_difference_s,
    )
