"""The core of the metric: a distance between a reference and a degraded signal that needs no training.

Both signals are compared in ERB bands, at a nominal listening level, by tracks that each answer one question: is the
structure of the spectrogram kept, are the levels, is the stereo image? Every track is divided by its spread over
ordinary damage, and the tracks of a step are added. docs/method.md derives it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from deepaq.audio import Samples
from deepaq.core import loudness, tracks
from deepaq.core.comparator import Comparator, Compared
from deepaq.core.filterbank import SAMPLE_RATE
from deepaq.core.spectrum import IMAGE_EVERY, Array, Powers, namespace, powers

Signal = tuple[Array, Array | None]  # mid and side

_SILENT = 1e-5  # amplitude of side, -100 dBFS: below it a signal is mono


class Steps(NamedTuple):
    """Quantities of the core at every step, 25 per second; all of shape (..., steps).

    structure, level, image: the tracks, whose sum is the distance of the step. added, missing, loudness: loudness that
    the degraded signal adds and lacks, and loudness of the reference.
    """

    structure: Array
    level: Array
    image: Array
    added: Array
    missing: Array
    loudness: Array

    @property
    def distance(self) -> Array:
        """Sum of the tracks."""
        return self.structure + self.level + self.image


@dataclass(frozen=True)
class Core(Comparator):
    """structure, level: spreads of the tracks over ordinary damage. image: weight of the stereo image.

    The image is the larger of two distances: that of the side signals, by the same two tracks, and that of the level
    differences between left and right, which alone tells when channels are swapped.
    """

    structure: float
    level: float
    image: float

    def __post_init__(self) -> None:
        for value in (self.structure, self.level, self.image):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
                raise ValueError(f"{value!r}: spreads and weights are positive numbers")

    name = "core"
    sample_rate = SAMPLE_RATE
    segment_s = 10.0
    shortest_s = 0.25
    channels = 2
    hears_level = True

    @property
    def power(self) -> float:
        return 2.0

    def settings(self) -> dict[str, Any]:
        """Arguments that make an equal core, JSON-serialisable."""
        return asdict(self)

    def nominal_gain(self, reference: Array) -> Array:
        return loudness.nominal_gain(reference)

    def compare(self, reference: Samples, degraded: Samples) -> Compared:
        found = self.compare_powers(*powers_of(reference, degraded))
        tracks = {name: getattr(found, name) for name in ("structure", "level", "image")}
        return Compared(found.distance, tracks, found.added, found.missing, found.loudness)

    def steps(self, reference: Signal, degraded: Signal) -> Steps:
        """Compare signals of mid and side, each (..., frames) at the nominal level; no side stands for mono."""
        return self.compare_powers(*_powers(reference, degraded))

    def compare_powers(self, ours: Powers, theirs: Powers) -> Steps:
        """Compare two signals by their powers in bands."""
        count = ours.mid.shape[-2] // IMAGE_EVERY
        structure, level = (_pairs(track(ours.mid, theirs.mid), count) for track in (tracks.structure, tracks.level))
        every = (..., slice(None, count * IMAGE_EVERY, IMAGE_EVERY), slice(None))
        found = loudness.added_and_missing(ours.mid[every], theirs.mid[every])
        image = 0 * level if ours.side is None else self._image(ours, theirs)[..., :count]
        return Steps(structure / self.structure, level / self.level, self.image * image, *found)

    def _image(self, ours: Powers, theirs: Powers) -> Array:
        assert ours.side is not None
        assert theirs.side is not None
        masked = tracks.mask(ours)
        pair = ours.side + masked, theirs.side + masked
        side = tracks.structure(*pair) / self.structure + tracks.level(*pair) / self.level
        return namespace(side).maximum(side, tracks.balance(ours, theirs, masked) / self.level)


def powers_of(reference: Samples, degraded: Samples) -> list[Powers]:
    """Powers in bands of two signals of (frames,) or, mid and side, (frames, 2); without side if neither has one."""
    return _powers(_signal(reference), _signal(degraded))


def pooled(distance: Array) -> Array:
    """Root mean square over steps, (..., steps) -> (...): short damage counts more than in a plain mean."""
    return tracks.root((distance * distance).mean(-1))


def _signal(samples: Samples) -> Signal:
    """(frames,) or (frames, 2) -> mid and side in one piece each."""
    if samples.ndim == 1:
        return samples, None
    return np.ascontiguousarray(samples[:, 0]), np.ascontiguousarray(samples[:, 1])


def _powers(*signals: Signal) -> list[Powers]:
    if not any(side is not None and bool((abs(side) > _SILENT).any()) for _, side in signals):
        return [powers(mid) for mid, _ in signals]
    return [powers(mid, namespace(mid).zeros_like(mid) if side is None else side) for mid, side in signals]


def _pairs(track: Array, count: int) -> Array:
    """Root mean square of two steps each: (..., steps) -> (..., count)."""
    track = track[..., : count * IMAGE_EVERY]
    squares = (track * track).reshape(*track.shape[:-1], count, IMAGE_EVERY)
    return tracks.root(squares.mean(-1))
