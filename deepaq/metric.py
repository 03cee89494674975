"""The metric: distance from the reference in the learned space, and the MOS it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepaq import checkpoint
from deepaq.align import Aligned, align
from deepaq.audio import Samples, is_silent
from deepaq.checkpoint import Checkpoint
from deepaq.errors import UserError
from deepaq.mapping import Mapping
from deepaq.sound import MonoStream, Sound

PACKAGED = Path(__file__).parent / "models" / "compact"
ALIGN_S = 30.0  # how much of both is held against each other to find the lag
ENOUGH_REFERENCES = 10


@dataclass(frozen=True)
class Segment:
    """A stretch of the degraded signal: where it begins, how much of it is new, its distance and MOS."""

    start_s: float
    seconds: float
    distance: float
    mos: float | None


@dataclass(frozen=True)
class Score:
    """mos: 1 (bad) to 5 (excellent), None when the model has no mapping. distance: 0 is identical, no upper bound.

    segments: the same over time. lag_samples: at `sample_rate`, positive when the degraded signal is late, removed
    before scoring; None without a matching reference. level_db: of the degraded signal relative to the reference.
    notes: what was done to the signals and what to mind, one line each.
    """

    distance: float
    mos: float | None
    segments: tuple[Segment, ...]
    seconds: float
    sample_rate: int
    lag_samples: int | None = None
    level_db: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class References:
    """Clean music as one point: (dims,), the mean of the clips' embeddings, and how many clips there were."""

    centre: Tensor
    count: int


class Metric:
    """A trained metric, ready to score. Make one with `deepaq.load`."""

    def __init__(self, model: Checkpoint) -> None:
        self.model = model
        self.backbone = model.backbone
        self.rate = model.backbone.sample_rate

    def score(
        self,
        reference: Sound,
        degraded: Sound | None = None,
        *,
        references: Sequence[Sound] | References | None = None,
        sample_rate: int | None = None,
    ) -> Score:
        """`score(reference, degraded)`, or `score(degraded, references=clean)` against unrelated clean music.

        Sounds are paths, `deepaq.audio.Audio`, or floating-point arrays and tensors of (frames,) or (frames, channels)
        at `sample_rate` Hz. Channels are averaged. UserError for sound that cannot be scored.
        """
        if (degraded is None) == (references is None):
            raise UserError("give a degraded sound with its reference, or one sound and references=")
        if degraded is not None:
            return self._matched(reference, degraded, sample_rate)
        assert references is not None
        if not isinstance(references, References):
            references = self.references(references, sample_rate)
        return self._unmatched(reference, references, sample_rate)

    def references(self, sounds: Sequence[Sound], sample_rate: int | None = None) -> References:
        """Embed clean music once, for any number of scores. Every sound weighs the same."""
        if not sounds:
            raise UserError("no clean references were given")
        points = [torch.stack(list(self._points(sound, sample_rate))).mean(dim=0) for sound in sounds]
        return References(torch.stack(points).mean(dim=0), len(points))

    @torch.inference_mode()
    def embed(self, samples: Tensor) -> Tensor:
        """(batch, frames) mono at `rate` Hz -> (batch, steps, dims), for a full reference."""
        return self.backbone.embed(self.backbone.front(samples))

    @torch.inference_mode()
    def embed_clip(self, samples: Tensor) -> Tensor:
        """(batch, frames) mono at `rate` Hz -> (batch, dims), comparable across content."""
        return self.backbone.embed_clip(self.backbone.describe(self.backbone.front(samples)))

    def _matched(self, reference: Sound, degraded: Sound, sample_rate: int | None) -> Score:
        clean, coded = (MonoStream(sound, self.rate, sample_rate) for sound in (reference, degraded))
        found = _aligned(clean, coded)
        segments: list[Segment] = []
        for start, new, ours, theirs in self._pairs(clean, coded):
            if is_silent(ours):
                continue
            left, right = (torch.from_numpy(samples)[None] for samples in (ours, theirs))
            apart = self.embed(right) - self.embed(left)
            distance = float(torch.linalg.vector_norm(apart, dim=2).mean())
            segments.append(Segment(start / self.rate, new / self.rate, distance, _mos(self.model.full, distance)))
        if not segments:
            raise UserError(f"{clean.name}: is silent, nothing can be held against it")
        notes = [_lag_note(coded, found.lag)] if found.lag else []
        left_over = _rest(coded) - _rest(clean)
        if abs(left_over) > 0.1:
            longer, by = (coded, left_over) if left_over > 0 else (clean, -left_over)
            notes.append(f"{longer.name}: is {by:.2f} s longer, the rest was not scored")
        return self._sum_up(segments, self.model.full, notes, found.lag, found.level_db)

    def _unmatched(self, degraded: Sound, references: References, sample_rate: int | None) -> Score:
        stream = MonoStream(degraded, self.rate, sample_rate)
        segments = []
        for start, new, samples in self._segments(stream):
            if is_silent(samples):
                continue
            point = self.embed_clip(torch.from_numpy(samples)[None])[0]
            distance = float(torch.linalg.vector_norm(point - references.centre))
            segments.append(Segment(start / self.rate, new / self.rate, distance, _mos(self.model.unmatched, distance)))
        if not segments:
            raise UserError(f"{stream.name}: is silent")
        notes = []
        if references.count < ENOUGH_REFERENCES:
            notes.append(f"only {references.count} clean references; use {ENOUGH_REFERENCES} or more")
        return self._sum_up(segments, self.model.unmatched, notes)

    def _points(self, sound: Sound, sample_rate: int | None) -> Iterator[Tensor]:
        stream = MonoStream(sound, self.rate, sample_rate)
        heard = False
        for _, _, samples in self._segments(stream):
            if not is_silent(samples):
                heard = True
                yield self.embed_clip(torch.from_numpy(samples)[None])[0]
        if not heard:
            raise UserError(f"{stream.name}: is silent")

    def _segments(self, stream: MonoStream) -> Iterator[tuple[int, int, Samples]]:
        """(start, new samples, samples): a last short segment is filled up with what came before it."""
        length = round(self.backbone.segment_s * self.rate)
        start, before = 0, np.empty(0, np.float32)
        for samples in stream.segments(length):
            new = len(samples)
            if new < length:
                samples = np.concatenate([before, samples])[-length:]
            if len(samples) < self.backbone.shortest_s * self.rate:
                raise UserError(
                    f"{stream.name}: lasts {len(samples) / self.rate:.2f} s, {self.backbone.shortest_s:g} s are needed"
                )
            yield start, new, samples
            start, before = start + new, samples

    def _pairs(self, clean: MonoStream, coded: MonoStream) -> Iterator[tuple[int, int, Samples, Samples]]:
        """Segments of both at the same time, as long as both last."""
        length = round(self.backbone.segment_s * self.rate)
        start = 0
        before = np.empty(0, np.float32), np.empty(0, np.float32)
        while True:
            common = min(len(clean.peek(length)), len(coded.peek(length)))
            if not common:
                return
            pair = clean.read(common), coded.read(common)
            if common < length:
                pair = (np.concatenate([before[0], pair[0]])[-length:], np.concatenate([before[1], pair[1]])[-length:])
            if len(pair[0]) < self.backbone.shortest_s * self.rate:
                raise UserError(
                    f"{coded.name}: {len(pair[0]) / self.rate:.2f} s in common with {clean.name}, "
                    f"{self.backbone.shortest_s:g} s are needed"
                )
            yield start, common, *pair
            start, before = start + common, pair

    def _sum_up(
        self,
        segments: list[Segment],
        mapping: Mapping | None,
        notes: list[str],
        lag: int | None = None,
        level_db: float | None = None,
    ) -> Score:
        weights = np.array([segment.seconds for segment in segments])
        distance = float(np.average([segment.distance for segment in segments], weights=weights))
        return Score(
            distance,
            _mos(mapping, distance),
            tuple(segments),
            float(weights.sum()),
            self.rate,
            lag,
            level_db,
            tuple(notes),
        )


def load(run: str | Path | None = None) -> Metric:
    """The metric of a run folder of `training fit`; without one, the compact metric inside the package."""
    if run is None and not PACKAGED.is_dir():
        raise UserError("this installation holds no packaged model; name a run folder of `training fit`")
    return Metric(checkpoint.load(PACKAGED if run is None else Path(run)))


def _aligned(clean: MonoStream, coded: MonoStream) -> Aligned:
    """Find the lag in the first half minute and drop what has no counterpart."""
    frames = round(ALIGN_S * clean.rate)
    found = align(clean.peek(frames), coded.peek(frames), clean.rate)
    late = coded if found.lag > 0 else clean
    late.read(abs(found.lag))
    return found


def _lag_note(coded: MonoStream, lag: int) -> str:
    direction = "late" if lag > 0 else "early"
    return f"{coded.name}: was {abs(lag)} samples ({1000 * abs(lag) / coded.rate:.1f} ms) {direction}, aligned"


def _rest(stream: MonoStream) -> float:
    """Seconds that were left unread."""
    return sum(len(samples) for samples in stream.segments(1 << 18)) / stream.rate


def _mos(mapping: Mapping | None, distance: float) -> float | None:
    return None if mapping is None else float(mapping(distance))
