"""The metric: distance from the reference in the learned space, and the MOS it stands for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepaq.audio import Samples, is_silent, level_dbfs
from deepaq.audio.align import FAR_LAG_S, SILENT_DBFS, Aligned, align
from deepaq.audio.level import gain, without
from deepaq.audio.stream import Sound, Stream, as_batch, mid_of
from deepaq.errors import UserError
from deepaq.scoring import checkpoint, hub
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.mapping import Mapping
from deepaq.scoring.notes import about_image, about_length, about_level, about_the_pair
from deepaq.scoring.references import References
from deepaq.scoring.score import Score, Segment, mos, sum_up

PACKAGED = Path(__file__).parents[1] / "models" / "compact"
ALIGN_S = 30.0  # how much of both is held against each other to find the lag
ENOUGH_REFERENCES = 10
TIMELINE_S = 1.0  # resolution of a score over time, where the network resolves time


class Metric:
    """A trained metric, ready to score; it may be shared between threads. Make one with `deepaq.load`."""

    def __init__(self, model: Checkpoint) -> None:
        self.model = model
        self.backbone = model.backbone
        self.rate = model.backbone.sample_rate

    @cached_property
    def fingerprint(self) -> str:
        return self.model.fingerprint

    def score(
        self,
        reference: Sound,
        degraded: Sound | None = None,
        *,
        references: Sequence[Sound] | References | None = None,
        sample_rate: int | None = None,
        match_level: bool = True,
    ) -> Score:
        """`score(reference, degraded)`, or `score(degraded, references=clean)` against unrelated clean music.

        Sounds are paths, `deepaq.audio.Audio`, or floating-point arrays and tensors of (frames,) or (frames, channels)
        at `sample_rate` Hz. match_level: take the gain of a degraded sound back before, so that only a level that
        moves counts; False scores the gain, too. UserError for sound that cannot be scored.
        """
        if (degraded is None) == (references is None):
            raise UserError("give a degraded sound with its reference, or one sound and references=")
        if degraded is not None:
            return self._matched(reference, degraded, sample_rate, match_level)
        if not match_level:
            raise UserError("match_level=False: a gain is known, and can be scored, only with a matching reference")
        assert references is not None
        if not isinstance(references, References):
            references = self.references(references, sample_rate)
        return self._unmatched(reference, references, sample_rate)

    def score_many(
        self, pairs: Sequence[tuple[Sound, Sound]], *, sample_rate: int | None = None, match_level: bool = True
    ) -> list[Score | UserError]:
        """Scores of (reference, degraded) pairs in their order; what cannot be scored gives its UserError instead."""
        results: list[Score | UserError] = []
        for reference, degraded in pairs:
            try:
                results.append(self.score(reference, degraded, sample_rate=sample_rate, match_level=match_level))
            except UserError as error:
                results.append(error)
        return results

    def references(self, sounds: Sequence[Sound], sample_rate: int | None = None) -> References:
        """Embed clean music once, for any number of scores. Every sound weighs the same."""
        if isinstance(sounds, str | Path):
            raise UserError(f"references={str(sounds)!r}: give a sequence of sounds")
        if not len(sounds):
            raise UserError("no clean references were given")
        points = [
            torch.stack([point for _, _, point in self.clip_points(sound, sample_rate)]).mean(dim=0) for sound in sounds
        ]
        return References(torch.stack(points).mean(dim=0), len(points))

    def clip_points(self, sound: Sound, sample_rate: int | None = None) -> Iterator[tuple[float, float, Tensor]]:
        """(start and length in seconds, (dims,) embedding) of every audible segment, comparable across content."""
        stream = self._stream(sound, sample_rate)
        heard = False
        for start, new, samples in self._segments(stream):
            if self._audible(samples):
                heard = True
                yield start / self.rate, new / self.rate, self.embed_clip(as_batch(samples))[0]
        if not heard:
            raise UserError(f"{stream.name}: is silent")

    @torch.inference_mode()
    def embed(self, samples: Tensor) -> Tensor:
        """(batch, frames) mono, or (batch, 2, frames) mid and side where the network hears both, at `rate` Hz, with
        its gain taken back (`deepaq.audio.level`) -> (batch, steps, dims), for a full reference."""
        return self.backbone.embed_audio(samples)

    @torch.inference_mode()
    def embed_clip(self, samples: Tensor) -> Tensor:
        """The same -> (batch, dims), comparable across content."""
        return self.backbone.embed_clip(self.backbone.describe(self.backbone.front(samples)))

    def _audible(self, samples: Samples) -> bool:
        mid = mid_of(samples)
        return not is_silent(mid) and bool(self.backbone.audible(as_batch(mid)).all())

    def _stream(self, sound: Sound, sample_rate: int | None) -> Stream:
        return Stream(sound, self.rate, self.backbone.channels, sample_rate)

    def _matched(self, reference: Sound, degraded: Sound, sample_rate: int | None, match_level: bool) -> Score:
        if not match_level:
            self.backbone.require_level()
        clean, coded = (self._stream(sound, sample_rate) for sound in (reference, degraded))
        found, begin = _aligned(clean, coded)
        louder = float(gain(as_batch(found.reference), as_batch(found.degraded)))
        segments: list[Segment] = []
        levels: list[tuple[float, float]] = []
        for start, new, ours, theirs in self._pairs(clean, coded, begin):
            if self._audible(ours):
                segments += self._over_time(start, new, ours, theirs, louder if match_level else 1.0)
                levels.append((level_dbfs(mid_of(ours)), max(level_dbfs(mid_of(theirs)), SILENT_DBFS)))
        if not segments:
            raise UserError(f"{clean.name}: is silent, or its channels cancel; nothing can be held against it")
        level_db = 20 * math.log10(louder)
        notes = [
            *about_the_pair(clean, coded, found),
            *about_level(clean, coded, level_db, levels, match_level, self.backbone.hears_level),
            *about_length(clean, coded),
            *about_image(clean, coded, self.backbone.channels == 2),
        ]
        return sum_up(
            segments,
            self.model.full,
            self.rate,
            pooling=self.backbone.pooling,
            lag=found.lag,
            level_db=level_db,
            notes=notes,
        )

    def _over_time(self, start: int, new: int, ours: Samples, theirs: Samples, louder: float) -> list[Segment]:
        """The distance of one pair of segments in stretches of about a second; of it, only the `new` samples' share."""
        left, right = as_batch(ours), without(as_batch(theirs), louder)
        pooling = self.backbone.pooling
        moments = pooling.moments(self.embed(left)[0], self.embed(right)[0])
        moments = moments[len(moments) - max(1, round(len(moments) * new / len(ours))) :]
        count = max(1, min(len(moments), round(new / self.rate / TIMELINE_S)))
        stretches = moments.tensor_split(count)
        seconds = np.array([len(stretch) for stretch in stretches]) / len(moments) * new / self.rate
        starts = start / self.rate + np.cumsum(seconds) - seconds
        return [
            self._segment(begin, length, float(pooling.over_time(stretch)), self.model.full)
            for begin, length, stretch in zip(starts.tolist(), seconds.tolist(), stretches, strict=True)
        ]

    def _unmatched(self, degraded: Sound, references: References, sample_rate: int | None) -> Score:
        segments = [
            self._segment(
                start, seconds, float(torch.linalg.vector_norm(point - references.centre)), self.model.unmatched
            )
            for start, seconds, point in self.clip_points(degraded, sample_rate)
        ]
        few = references.count < ENOUGH_REFERENCES
        notes = [f"only {references.count} clean references; use {ENOUGH_REFERENCES} or more"] if few else []
        return sum_up(segments, self.model.unmatched, self.rate, notes=notes)

    @staticmethod
    def _segment(start_s: float, seconds: float, distance: float, mapping: Mapping | None) -> Segment:
        return Segment(start_s, seconds, distance, mos(mapping, distance))

    def _segments(self, stream: Stream) -> Iterator[tuple[int, int, Samples]]:
        """(start, new samples, samples): a last short segment is filled up with what came before it."""
        length = round(self.backbone.segment_s * self.rate)
        start, before = 0, stream.peek(0)
        for samples in stream.segments(length):
            new = len(samples)
            filled = _filled(before, samples, length)
            self._long_enough(filled, f"{stream.name}: lasts")
            yield start, new, filled
            start, before = start + new, filled

    def _pairs(self, clean: Stream, coded: Stream, start: int) -> Iterator[tuple[int, int, Samples, Samples]]:
        """Segments of both at the same time, as long as both last. start: samples that have been left out."""
        length = round(self.backbone.segment_s * self.rate)
        before = clean.peek(0), coded.peek(0)
        while new := min(len(clean.peek(length)), len(coded.peek(length))):
            pair = _filled(before[0], clean.read(new), length), _filled(before[1], coded.read(new), length)
            self._long_enough(pair[0], f"{coded.name}: in common with {clean.name} are")
            yield start, new, *pair
            start, before = start + new, pair

    def _long_enough(self, samples: Samples, what: str) -> None:
        if len(samples) < self.backbone.shortest_s * self.rate:
            raise UserError(f"{what} {len(samples) / self.rate:.2f} s, {self.backbone.shortest_s:g} s are needed")


def load(run: str | Path | None = None) -> Metric:
    """The metric of a run folder of `training fit`, or of a repository, `hub:OWNER/NAME`, to which `training export`
    pushed one; without either, the compact metric inside the package. UserError when there is none."""
    if run is None and not PACKAGED.is_dir():
        raise UserError("this installation holds no packaged model; name a run folder of `training fit`")
    if run is not None and str(run).startswith(hub.PREFIX):
        run = hub.fetched(str(run))
    return Metric(checkpoint.load(PACKAGED if run is None else Path(run)))


def _filled(before: Samples, samples: Samples, length: int) -> Samples:
    """`samples`, preceded by as much of `before` as makes up `length` if there is that much."""
    return samples if len(samples) == length else np.concatenate([before, samples])[-length:]


def _aligned(clean: Stream, coded: Stream) -> tuple[Aligned, int]:
    """Find the lag in the first half minute with sound and drop what has no counterpart.

    Also given are the samples of silence that both were moved on by before.
    """
    frames, skipped = round(ALIGN_S * clean.rate), 0
    while len(silence := clean.peek(frames)) == frames and is_silent(mid_of(silence)):
        step = frames - round(FAR_LAG_S * clean.rate)
        if len(coded.peek(step)) < step:
            break
        clean.read(step), coded.read(step)
        skipped += step
    found = align(mid_of(clean.peek(frames)), mid_of(coded.peek(frames)), clean.rate)
    late = coded if found.lag > 0 else clean
    late.read(abs(found.lag))
    return found, skipped
