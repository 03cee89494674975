"""A signal with its matching reference: from two streams to a score.

The network stands outside: `matched` yields the segments to compare and takes their comparison, so that a caller may
compare the segments of several files as one batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from deepaq.audio import Samples
from deepaq.audio.level import gain
from deepaq.audio.stream import Stream
from deepaq.core.comparator import Comparator, Compared
from deepaq.errors import UserError
from deepaq.scoring import segments
from deepaq.scoring.mapping import MosMapping
from deepaq.scoring.notes import Pair
from deepaq.scoring.score import Score, Timed, sum_up
from deepaq.scoring.segments import Span

TIMELINE_S = 1.0  # resolution of a score over time, for networks that resolve time

Signals = tuple[Samples, Samples]  # the reference's segment and the degraded one
Matched = Generator[Signals, Compared, Score]
Observer = Callable[[Span, Signals], None]
Compare = Callable[[Sequence[Signals]], list[Compared]]


def matched(
    backbone: Comparator,
    mapping: MosMapping | None,
    reference: Stream,
    degraded: Stream,
    match_level: bool,
    observe: Observer | None = None,
) -> Matched:
    """Score a degraded stream: yields segments to compare, is sent their comparison, and returns the score.

    observe: called with every segment that is compared, and its signals at the levels at which they are. Raises
    UserError for sound that cannot be scored.
    """
    if not match_level:
        backbone.require_level()
    aligned = segments.align(reference, degraded)
    factor = gain(aligned.reference, aligned.degraded)
    nominal = float(backbone.nominal_gain(aligned.reference))
    gains = nominal, nominal / factor if match_level else nominal
    pair = Pair(reference, degraded, aligned, 20 * math.log10(factor), match_level, backbone)
    found: list[Timed] = []
    for span in segments.spans(backbone, reference, degraded):
        if comparable := backbone.can_compare(span.samples[0]):
            signals = _scaled(span, gains)
            if observe:
                observe(span, signals)
            compared = yield signals
            found += over_time(span, compared, backbone)
        pair.add(span, comparable)
    if not found or not pair.levels:
        raise UserError(f"{reference.name}: is silent, or its channels cancel; nothing can be compared with it")
    return sum_up(
        degraded.name,
        found,
        mapping,
        backbone.sample_rate,
        power=backbone.power,
        lag=aligned.lag,
        level_db=pair.level_db,
        notes=pair.notes(sum(segment.seconds for segment in found)),
        # both were read to their ends
        length_difference_s=degraded.seconds - reference.seconds - aligned.lag / backbone.sample_rate,
        length_s=degraded.seconds,
        bandwidths_hz=pair.bandwidth.hz(),
    )


def completed(scores: Iterable[Matched], compare: Compare, batch: int = 1) -> Iterator[Score | UserError]:
    """Complete scores, `batch` of them at a time, and yield each, or the error that ended it, in order.

    compare: compares pairs of segments, one of every running score.
    """
    waiting = iter(scores)
    while running := dict(enumerate(islice(waiting, batch))):
        ended: dict[int, Score | UserError] = {}
        answers: dict[int, Compared | UserError | None] = dict.fromkeys(running)
        while answers:
            requests: dict[int, Signals] = {}
            for number, answer in answers.items():
                try:
                    requests[number] = _next(running[number], answer)
                except StopIteration as end:
                    ended[number] = end.value
                except UserError as error:
                    ended[number] = error
            answers = dict(zip(requests, _each(compare, list(requests.values())), strict=True))
        yield from (ended[number] for number in running)


def _next(score: Matched, answer: Compared | UserError | None) -> Signals:
    if answer is None:
        return next(score)
    return score.throw(answer) if isinstance(answer, UserError) else score.send(answer)


def _each(compare: Compare, pairs: Sequence[Signals]) -> Sequence[Compared | UserError]:
    """Compare pairs as one batch, or one by one if a segment cannot be compared."""
    if not pairs:
        return []
    try:
        return compare(pairs)
    except UserError as error:
        return [error] if len(pairs) == 1 else [found for pair in pairs for found in _each(compare, [pair])]


def over_time(span: Span, compared: Compared, backbone: Comparator) -> list[Timed]:
    """Sum up the comparison of a segment about once a second, over its new samples, where either signal is audible."""
    new = span.new_steps(len(compared.distance))
    distance = compared.distance[new]
    tracks = (compared.added, compared.missing, compared.loudness)
    count, seconds = len(distance), span.new / backbone.sample_rate
    audible, power = span.audible(count), backbone.power
    found = []
    for part in np.array_split(np.arange(count), max(1, min(count, round(seconds / TIMELINE_S)))):
        if len(part := part[audible[part]]):
            start_s = span.start_s + int(part[0]) / count * seconds
            mean = float(np.mean(distance[part].astype(float) ** power) ** (1 / power))
            added, missing, loudness = (None if track is None else float(track[new][part].mean()) for track in tracks)
            parts = {name: float((track[new][part] * distance[part]).mean()) for name, track in compared.tracks.items()}
            found.append(Timed(start_s, len(part) / count * seconds, mean, added, missing, loudness, parts))
    return found


def _scaled(span: Span, gains: Sequence[float]) -> Signals:
    ours, theirs = (
        samples if factor == 1 else samples * np.float32(factor)
        for samples, factor in zip(span.samples, gains, strict=True)
    )
    return ours, theirs
