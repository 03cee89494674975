"""Segments: the audible parts of one stream, or of two aligned ones, in the lengths that a network takes.

Silence that all streams share is left out, wherever it is: segments start at sound, so that the place of a sound in
the file does not change its score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepaq.arrays import Array, energies, namespace, padded, sums
from deepaq.audio import SILENCE_DBFS, Samples, is_silent
from deepaq.audio.align import FAR_LAG_S, Aligned
from deepaq.audio.align import align as align_samples
from deepaq.audio.samples import inner
from deepaq.audio.stream import Stream, end_to_end, mid_of
from deepaq.core.comparator import Comparator
from deepaq.errors import UserError

ALIGN_S = 30.0  # length of the beginning from which the lag is found
FRAME_S = 0.01  # resolution of the detection of silence
_STEADY, _EQUAL = 5, 5e-5  # frames, and range of their means
_CANCELLED = 0.01  # power of mid relative to side below which the channels cancel in mid

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Span:
    """A segment of one or two streams.

    start_s: time in the last stream at which its new samples start. new: samples at its end that are new; those before
    them are repeated from the segment before, to fill a short last segment.
    samples: from every stream, (frames,) or (frames, 2). sounding: from every stream, True for each 10 ms of the new
    samples that are louder than -70 dBFS.
    """

    start_s: float
    new: int
    samples: tuple[Samples, ...]
    sounding: tuple[Flags, ...]

    def new_steps(self, total: int) -> slice:
        """The last of `total` steps over the samples: those of the new ones, at least one."""
        return slice(total - max(1, round(total * self.new / len(self.samples[0]))), None)

    def audible(self, steps: int) -> Flags:
        """Divide the new samples into `steps` equal parts, and return True for those in which any stream sounds."""
        found: Flags = audible(np.logical_or.reduce(self.sounding), steps)
        return found


def spans(backbone: Comparator, *streams: Stream) -> Iterator[Span]:
    """Yield the audible segments of the streams, as long as all of them last; UserError when they are too short."""
    rate = backbone.sample_rate
    length, shortest, frame = (round(s * rate) for s in (backbone.segment_s, backbone.shortest_s, FRAME_S))

    def common(frames: int) -> int:
        return min(len(stream.peek(frames)) for stream in streams)

    if (there := common(shortest)) < shortest:
        raise UserError(f"{_named(streams)} {there / rate:.2f} s, {backbone.shortest_s:g} s are needed")
    position = round(streams[-1].seconds * rate)
    before = none = tuple(stream.peek(0) for stream in streams)
    while new := common(length):
        channels = (np.ascontiguousarray(np.atleast_2d(stream.peek(new).T)) for stream in streams)
        sounding = tuple(sounding_frames(signal, frame) for signal in channels)
        silent = min(int(leading_silence(np.logical_or.reduce(sounding))) * frame, new)
        if 0 < (left := common(silent + shortest) - silent) < shortest:  # near the end, enough is left for a segment
            silent = max(0, silent + left - shortest)
        if silent:
            for stream in streams:
                stream.read(silent)
            position, before = position + silent, none
            continue
        samples = tuple(_filled(old, stream.read(new), length) for old, stream in zip(before, streams, strict=True))
        yield Span(position / rate, new, samples, sounding)
        position, before = position + new, samples


def align(reference: Stream, degraded: Stream) -> Aligned:
    """Find the lag in the first 30 s with sound in the reference, and skip the samples that have no counterpart."""
    found = align_samples(*_beginnings(reference, degraded), reference.rate, quick=True)
    late = degraded if found.lag > 0 else reference
    late.read(abs(found.lag))
    return found


def louder_channel(reference: Samples, degraded: Samples) -> tuple[Samples, Samples]:
    """Return the mid signals, (frames,), or the side signals when the channels of the reference cancel in mid."""
    if reference.ndim == 2:
        mid, side = (inner(channel, channel) for channel in reference.T)
        if mid < _CANCELLED * side:
            return np.ascontiguousarray(reference[:, 1]), np.ascontiguousarray(degraded[:, 1])
    return mid_of(reference), mid_of(degraded)


def _beginnings(reference: Stream, degraded: Stream) -> tuple[Samples, Samples]:
    """Return the first 30 s with sound in the reference, (frames,), without reading from the streams."""
    frames = round(ALIGN_S * reference.rate)
    step = frames - round(FAR_LAG_S * reference.rate)
    found = louder_channel(reference.peek(frames), degraded.peek(frames))
    if len(found[0]) < frames or not is_silent(found[0]):
        return found
    reference, degraded = reference.again(), degraded.again()
    while len(found[0]) == frames and is_silent(found[0]) and len(degraded.peek(step)) == step:
        reference.read(step), degraded.read(step)
        found = louder_channel(reference.peek(frames), degraded.peek(frames))
    return found


def sounding_frames(channels: Array, frame: int) -> Array:
    """Flags of the blocks of `frame` samples, the last one shorter, that exceed -70 dBFS over all channels.

    (..., channels, frames) -> (..., blocks). A constant does not count: the removal of the offset of another part of
    the sound may leave one behind.
    """
    xp, length = namespace(channels), channels.shape[-1]
    count = (length + frame - 1) // frame
    blocks = padded(channels, 0, count * frame - length).reshape(*channels.shape[:-1], count, frame)
    sizes = xp.clip(length - frame * xp.arange(count), None, frame)
    means = sums(blocks) / sizes
    apart = energies(blocks) - _steady(means) * sizes * means * means
    return apart.sum(-2) >= sizes * 10 ** (SILENCE_DBFS / 10)


def audible(sounding: Array, steps: int) -> Array:
    """Divide flags over time into `steps` equal parts, and return True for those with any: (..., n) -> (..., steps)."""
    xp = namespace(sounding)
    before = padded(_counted(sounding), 1, 0)
    places = xp.arange(steps + 1) * sounding.shape[-1] // steps
    starts, ends = places[:-1], xp.maximum(places[1:], places[:-1] + 1)
    return before[..., ends] > before[..., starts]


def leading_silence(sounding: Array) -> Array:
    """Number of flags before the first that is True: (..., n) -> (...)."""
    return (_counted(sounding) == 0).sum(-1)


def _steady(means: Array) -> Array:
    """Flags, 1 or 0, of the blocks whose means are those of a constant: equal to those of the four before, or after."""
    xp, count = namespace(means), means.shape[-1] - _STEADY + 1
    if count < 1:
        return 0 * means
    near = xp.stack([means[..., start : start + count] for start in range(_STEADY)])
    equal = 1.0 * (xp.amax(near, 0) - xp.amin(near, 0) < _EQUAL)
    return xp.clip(padded(equal, _STEADY - 1, 0) + padded(equal, 0, _STEADY - 1), None, 1)


def _counted(flags: Array) -> Array:
    """How many flags are True up to each one."""
    xp = namespace(flags)
    return xp.cumsum(xp.where(flags, 1, 0), -1)


def _filled(before: Samples, samples: Samples, length: int) -> Samples:
    """`samples`, preceded by as much of `before` as makes up `length` samples, if there is that much."""
    return samples if len(samples) == length else end_to_end([before, samples])[-length:]


def _named(streams: tuple[Stream, ...]) -> str:
    first, last = streams[0].name, streams[-1].name
    return f"{first}: lasts" if len(streams) == 1 else f"{last}: in common with {first} are"
