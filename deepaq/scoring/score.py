"""The result of scoring one signal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from deepaq.errors import UserError
from deepaq.scoring.mapping import MosMapping


@dataclass(frozen=True)
class Timed:
    """Measurements of a segment: means over its steps of the loudness in `deepaq.core.comparator.Compared`.

    tracks: mean over steps of the product of each track and the distance; their sum is the mean square of the distance.
    """

    start_s: float
    seconds: float
    distance: float
    added: float | None = None
    missing: float | None = None
    loudness: float | None = None
    tracks: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Segment:
    """Part of a score: its start in the degraded signal, the length that was scored, and the figures of `Score`."""

    start_s: float
    seconds: float
    distance: float
    mos: float | None
    added: float | None = None
    missing: float | None = None


@dataclass(frozen=True)
class Score:
    """The score of a signal.

    distance: 0 is identical, no upper bound. mos: 1 (bad) to 5 (excellent), None when the model has no mapping.
    mos_low, mos_high: 95 % interval of the mean over time, from the spread of the segments: the range to expect for
    other excerpts of the same kind; None with fewer than two segments. added, missing: loudness that the degraded
    signal adds to and takes from the reference, as a share of the mean loudness of the reference; None without a
    matching reference and for networks. tracks: the parts that the distance is the sum of (structure, level, image);
    empty for networks. segments: the score over time. seconds: length
    of the audio that was scored. lag_samples: lag at `sample_rate` that was removed before scoring, positive when the
    degraded signal was late; None without a matching reference. level_db: level of the degraded signal relative to the
    reference. notes: what was done to the signals and what to be aware of, one line each. length_difference_s: seconds
    by which the aligned degraded signal ends after the reference, negative when before; that part is not scored.
    length_s: whole length of the degraded signal in seconds. reference_bandwidth_hz, bandwidth_hz: upper frequency
    edges of the reference and of the degraded signal (see `deepaq.audio.bandwidth`). All of these are None without a
    matching reference.
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
    added: float | None = None
    missing: float | None = None
    tracks: dict[str, float] = field(default_factory=dict)
    length_s: float | None = None
    reference_bandwidth_hz: float | None = None
    bandwidth_hz: float | None = None

    @property
    def lag_s(self) -> float | None:
        """Lag in seconds."""
        return None if self.lag_samples is None else self.lag_samples / self.sample_rate

    def to_json(self) -> dict[str, Any]:
        """Return the figures without the segments and notes."""
        figures = ("distance", "mos", "mos_low", "mos_high", "added", "missing", "seconds")
        pair = ("lag_samples", "level_db", "length_difference_s", "length_s", "reference_bandwidth_hz", "bandwidth_hz")
        return {name: getattr(self, name) for name in (*figures, "tracks", *pair)}


def sum_up(
    name: str,
    segments: Sequence[Timed],
    mapping: MosMapping | None,
    sample_rate: int,
    *,
    power: float = 1.0,
    lag: int | None = None,
    level_db: float | None = None,
    notes: Sequence[str] = (),
    length_difference_s: float | None = None,
    length_s: float | None = None,
    bandwidths_hz: tuple[float, float] | None = None,
) -> Score:
    """Make the score of a signal, whose distance is the power mean of its segments', weighted by length.

    bandwidths_hz: of reference and degraded signal. Raises UserError when a distance is not finite.
    """
    if not all(math.isfinite(segment.distance) for segment in segments):
        raise UserError(f"{name}: the model gives a distance that is not finite; copy or train its run again")

    def mos(distance: float) -> float | None:
        return None if mapping is None else float(mapping(distance))

    seconds = [segment.seconds for segment in segments]
    distance, near, far = power_mean([segment.distance for segment in segments], seconds, power)
    several = len(segments) > 1
    total = _mean([segment.loudness for segment in segments], seconds)

    def share(loudness: float | None) -> float | None:
        return loudness / total if loudness is not None and total else None

    return Score(
        distance,
        mos(distance),
        mos(far) if several else None,
        mos(near) if several else None,
        tuple(
            Segment(s.start_s, s.seconds, s.distance, mos(s.distance), share(s.added), share(s.missing))
            for s in segments
        ),
        sum(seconds),
        sample_rate,
        lag,
        level_db,
        tuple(notes),
        length_difference_s,
        share(_mean([segment.added for segment in segments], seconds)),
        share(_mean([segment.missing for segment in segments], seconds)),
        {
            name: float(np.average([s.tracks[name] for s in segments], weights=seconds)) / distance if distance else 0.0
            for name in segments[0].tracks
        },
        length_s,
        *(bandwidths_hz or (None, None)),
    )


def power_mean(distances: npt.ArrayLike, weights: npt.ArrayLike, power: float) -> tuple[float, float, float]:
    """Power mean of the distances of segments, weighted by their length, and its 95 % interval from their spread.

    With one segment the interval is the mean itself.
    """
    powers, shares = np.asarray(distances, float) ** power, np.asarray(weights, float)
    middle = float(np.average(powers, weights=shares))
    spread = np.sqrt(np.average((powers - middle) ** 2, weights=shares) / max(1, len(powers) - 1))
    found = (middle, max(0.0, middle - 1.96 * spread), middle + 1.96 * spread)
    mean, low, high = (float(value ** (1 / power)) for value in found)
    return mean, low, high


def _mean(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.average(known, weights=weights)) if len(known) == len(values) else None
