"""The metric: distance from the reference in a learned space, mapped to a MOS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepaq import extras
from deepaq.audio.stream import Sound, Stream, name_of
from deepaq.backbones.device import CPU, check_device, device_of
from deepaq.compact.clip import Clip
from deepaq.core.comparator import Compared, Values
from deepaq.core.core import Core
from deepaq.core.memory import Memory
from deepaq.errors import UserError
from deepaq.scoring import checkpoint, hub, segments
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.matched import Matched, Observer, Signals, completed, matched
from deepaq.scoring.references import References
from deepaq.scoring.score import Score, Timed, sum_up

if TYPE_CHECKING:
    from torch import Tensor

_MODELS = Path(__file__).parents[1] / "models"
PACKAGED = _MODELS / "core"
CLIPS = _MODELS / "clip"  # scores without a matching reference
NAMED = {"packaged": PACKAGED, "compact-2026a": _MODELS / "compact"}  # the second was packaged before
ENOUGH_REFERENCES = 10


class Metric:
    """A metric that may be shared between threads and forked processes. Make one with `deepaq.load`.

    model: network, or the core, and mappings. backbone: the network or core. rate: its sample rate in Hz. device: name
    of the device of its network.
    """

    def __init__(self, model: Checkpoint, device: str = CPU) -> None:
        self.model, self.device = model, device
        self.backbone = model.backbone
        self.rate = model.backbone.sample_rate
        self._memory = Memory()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the weights and settings."""
        return self.model.fingerprint

    @cached_property
    def clips(self) -> Metric:
        """The metric that scores without a matching reference: this one, or the packaged clip head for the core."""
        return self if self.backbone.name != Core.name else load(CLIPS)

    @property
    def clean(self) -> References:
        """The clean music that the model carries along, for `references=`; UserError when it carries none."""
        found = self.clips.model.clean
        if found is None:
            raise UserError("this model carries no clean music; give clean music as references, or use --against")
        return found

    def score(
        self,
        reference: Sound,
        degraded: Sound | None = None,
        *,
        references: Iterable[Sound] | References | None = None,
        sample_rate: int | None = None,
        match_level: bool = True,
    ) -> Score:
        """Score `score(reference, degraded)`, or `score(degraded, references=clean)` against unrelated clean music.

        Sounds are paths, open files, `deepaq.audio.Audio`, or floating-point arrays and tensors of (frames,) or
        (frames, channels) at `sample_rate` Hz. match_level: remove a constant gain of the degraded sound first, so
        that only level changes over time count; False lets the gain count. Raises UserError for sound that cannot be
        scored.
        """
        if (degraded is None) == (references is None):
            raise UserError("give a degraded sound with its reference, or one sound and references=")
        if degraded is not None:
            return self.observed(reference, degraded, None, sample_rate=sample_rate, match_level=match_level)
        if not match_level:
            raise UserError("match_level=False: a gain is known, and can be scored, only with a matching reference")
        assert references is not None
        if not isinstance(references, References):
            references = self.references(references, sample_rate)
        return self.clips._unmatched(reference, references, sample_rate)

    def observed(
        self,
        reference: Sound,
        degraded: Sound,
        observe: Observer | None,
        *,
        sample_rate: int | None = None,
        match_level: bool = True,
    ) -> Score:
        """`score(reference, degraded)`; calls `observe` with every segment and its signals, as they are compared."""
        (found,) = completed([self._matched(reference, degraded, sample_rate, match_level, observe)], self._compare)
        if isinstance(found, UserError):
            raise found
        return found

    def score_many(
        self,
        pairs: Iterable[tuple[Sound, Sound]],
        *,
        sample_rate: int | None = None,
        match_level: bool = True,
        batch: int = 1,
    ) -> list[Score | UserError]:
        """Score (reference, degraded) pairs in order; a pair that cannot be scored gives its UserError instead.

        batch: pairs whose segments a network embeds together, which pays on a GPU. A reference that several pairs of
        neighbours have in common is embedded once.
        """
        scores = (self._matched(reference, degraded, sample_rate, match_level) for reference, degraded in pairs)
        return list(completed(scores, self._compare, batch))

    def references(self, sounds: Iterable[Sound], sample_rate: int | None = None) -> References:
        """Embed clean music once, for any number of scores. Every sound has the same weight."""
        if isinstance(sounds, str | Path):
            raise UserError(f"references={str(sounds)!r}: give a sequence of sounds")
        points = [np.mean([point for _, _, point in self.clip_points(sound, sample_rate)], axis=0) for sound in sounds]
        if not points:
            raise UserError("no clean references were given")
        return References(np.mean(points, axis=0), len(points))

    def clip_points(self, sound: Sound, sample_rate: int | None = None) -> Iterator[tuple[float, float, Values]]:
        """Yield (start and length in seconds, (dims,) embedding) of every audible segment, comparable across content.

        Raises UserError when none is audible.
        """
        metric = self.clips
        stream = metric._stream(sound, sample_rate)
        silent = True
        for span in segments.spans(metric.backbone, stream):
            if metric.backbone.can_compare(span.samples[0]):
                silent = False
                yield span.start_s, span.new / metric.rate, metric.backbone.clip_point(span.samples[0])
        if silent:
            raise UserError(f"{stream.name}: is silent")

    def embed(self, samples: Tensor) -> Tensor:
        """Embed audio for a full reference: -> (batch, steps, dims). UserError for the core, which has no embedding.

        samples: (batch, frames) mono, or (batch, 2, frames) mid and side for a network of two channels, at `rate` Hz,
        with the gain removed (`deepaq.audio.level`).
        """
        network = self.model.network
        with network.running():
            return network.embed_audio(samples.to(network.device)).cpu()

    def embed_clip(self, samples: Tensor) -> Tensor:
        """Embed the same audio for non-matching references: -> (batch, dims), comparable across content.

        UserError for the packaged models, which need no torch: their points are those of `clip_points`.
        """
        network = self.clips.model.network
        with network.running():
            return network.embed_clip(network.describe(network.front(samples.to(network.device)))).cpu()

    def _stream(self, sound: Sound, sample_rate: int | None) -> Stream:
        return Stream(sound, self.rate, self.backbone.channels, sample_rate)

    def _matched(
        self,
        reference: Sound,
        degraded: Sound,
        sample_rate: int | None,
        match_level: bool,
        observe: Observer | None = None,
    ) -> Matched:
        ours, theirs = (self._stream(sound, sample_rate) for sound in (reference, degraded))
        return (yield from matched(self.backbone, self.model.full, ours, theirs, match_level, observe))

    def _compare(self, pairs: Sequence[Signals]) -> list[Compared]:
        return self.backbone.compare_many(pairs, self._memory)

    def _unmatched(self, degraded: Sound, references: References, sample_rate: int | None) -> Score:
        found = [
            Timed(start, seconds, float(np.linalg.norm(point - references.centre)))
            for start, seconds, point in self.clip_points(degraded, sample_rate)
        ]
        few = references.count < ENOUGH_REFERENCES
        remarks = [f"only {references.count} clean references; use {ENOUGH_REFERENCES} or more"] if few else []
        return sum_up(name_of(degraded), found, self.model.unmatched, self.rate, notes=remarks)


def load(run: str | Path | None = None, device: str = CPU) -> Metric:
    """Load the metric of a run folder that `training fit` wrote, or of `hub:OWNER/NAME`, a pushed export.

    Without an argument, or with "packaged", load the metric inside the package, which needs no training and no torch;
    with "compact-2026a", the network that was packaged before. device: where a network computes, `cpu`, `cuda`,
    `cuda:1`, or `auto` for a GPU if there is one; the packaged metric itself always computes on the CPU. Raises
    UserError when there is no such metric or device.
    """
    check_device(device)
    if run is None and not PACKAGED.is_dir():
        raise UserError("this installation holds no packaged model; name a run folder of `training fit`")
    if run is not None and str(run).startswith(hub.PREFIX):
        folder = hub.fetched(run if isinstance(run, str) else run.as_posix())
        model = checkpoint.load(folder, links=hub.cache_of(folder))
    else:
        model = checkpoint.load(PACKAGED if run is None else NAMED.get(str(run), Path(run)))
    if device != CPU and not isinstance(model.backbone, Core | Clip):
        with extras.required(f"device {device}", "train"):
            place = device_of(device)
        model.backbone = model.network.to(place)
    return Metric(model, device)
