"""Segments of a stream, and of two streams that are aligned first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepaq.audio import Samples, is_silent
from deepaq.audio.align import FAR_LAG_S, Aligned
from deepaq.audio.align import align as align_samples
from deepaq.audio.stream import Stream, mid_of
from deepaq.backbones.backbone import Backbone
from deepaq.errors import UserError

ALIGN_S = 30.0  # length of the beginning from which the lag is found


def segments(stream: Stream, backbone: Backbone) -> Iterator[tuple[int, int, Samples]]:
    """Yield (start, new samples, samples) in the lengths that `backbone` takes.

    A short last segment is preceded by samples of the one before, so that only its last `new` samples are new.
    UserError when the stream is too short.
    """
    length = round(backbone.segment_s * backbone.sample_rate)
    start, before = 0, stream.peek(0)
    for samples in stream.segments(length):
        new = len(samples)
        filled = _filled(before, samples, length)
        _check_length(filled, backbone, f"{stream.name}: lasts")
        yield start, new, filled
        start, before = start + new, filled


def pairs(
    reference: Stream, degraded: Stream, start: int, backbone: Backbone
) -> Iterator[tuple[int, int, Samples, Samples]]:
    """Yield (start, new samples, reference, degraded) as long as both streams last, see `segments`.

    start: samples of both that were skipped before.
    """
    length = round(backbone.segment_s * backbone.sample_rate)
    before = reference.peek(0), degraded.peek(0)
    while new := min(len(reference.peek(length)), len(degraded.peek(length))):
        pair = _filled(before[0], reference.read(new), length), _filled(before[1], degraded.read(new), length)
        _check_length(pair[0], backbone, f"{degraded.name}: in common with {reference.name} are")
        yield start, new, *pair
        start, before = start + new, pair


def align(reference: Stream, degraded: Stream) -> tuple[Aligned, int]:
    """Find the lag in the first 30 s with sound, and skip the samples that have no counterpart.

    Also returns how many samples of leading silence were skipped in both.
    """
    frames, skipped = round(ALIGN_S * reference.rate), 0
    while len(silence := reference.peek(frames)) == frames and is_silent(mid_of(silence)):
        step = frames - round(FAR_LAG_S * reference.rate)
        if len(degraded.peek(step)) < step:
            break
        reference.read(step), degraded.read(step)
        skipped += step
    found = align_samples(mid_of(reference.peek(frames)), mid_of(degraded.peek(frames)), reference.rate)
    late = degraded if found.lag > 0 else reference
    late.read(abs(found.lag))
    return found, skipped


def _filled(before: Samples, samples: Samples, length: int) -> Samples:
    """`samples`, preceded by as much of `before` as makes up `length` samples, if there is that much."""
    return samples if len(samples) == length else np.concatenate([before, samples])[-length:]


def _check_length(samples: Samples, backbone: Backbone, what: str) -> None:
    if len(samples) < backbone.shortest_s * backbone.sample_rate:
        seconds = len(samples) / backbone.sample_rate
        raise UserError(f"{what} {seconds:.2f} s, {backbone.shortest_s:g} s are needed")
