"""The job behind every rater: rate the degraded clips of a batch of references and commit one fragment."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deepaq.audio import Samples, read, resample, to_mono, to_stereo
from deepaq.audio.align import align
from deepaq.errors import UserError
from labels.raters.rater import Judge, Rater, Rating, attributed
from labels.raters.rater import rater as rater_of
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import write_fragment
from manifests.jobs import Counts, cpu_seconds
from manifests.provenance import provenance


@dataclass(frozen=True)
class Degraded:
    """A degraded file that still needs a label."""

    degraded_id: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Pairs:
    """A reference clip and its degraded clips, scheduled together to prepare the reference once."""

    reference_id: str
    path: str
    sha256: str
    degraded: list[Degraded]


@dataclass(frozen=True)
class Rate:
    """Rates a batch with the named rater and commits its rows; picklable."""

    root: Path
    rater: str
    options: tuple[tuple[str, str], ...] = ()

    def __call__(self, batch: Sequence[Pairs]) -> Counts:
        dataset = Dataset(self.root)
        rater = rater_of(self.rater, **dict(self.options))
        counts: Counts = Counter()
        rows: list[dict[str, Any]] = []
        for pairs in batch:
            for row, seconds in _rows(dataset, rater, pairs):
                rows.append(row)
                counts[row["status"]] += 1
                counts["audio_ms"] += round(1000 * seconds)
        with attributed(self.rater):
            tools = {**rater.packages, **rater.tools()}
        settings = {
            "rater": self.rater,
            "sample_rate": rater.sample_rate,
            "identity": rater.identity,
            "aligned": rater.aligned,
            "options": dict(self.options),
        }
        footer = provenance(f"labels {self.rater}", settings, tools, ("av", "soxr"), self.root)
        write_fragment(dataset.folder(schema.LABELS, self.rater), schema.LABELS, rows, footer)
        return counts


def _rows(dataset: Dataset, rater: Rater, pairs: Pairs) -> list[tuple[dict[str, Any], float]]:
    """Row of each degraded clip, and the seconds of audio that were rated for it."""
    rows: list[tuple[dict[str, Any], float]] = []
    for clip, rating, cpu_s, audio_s in _rated(dataset, rater, pairs):
        row = {"degraded_id": clip.degraded_id, "rater": rater.name, "scale": rater.scale}
        if isinstance(rating, UserError):
            rows.append((row | {"status": schema.FAILED, "error": str(rating)}, 0.0))
            continue
        values = {"value": rating.value, "extras": dict(rating.extras), "timeline": rating.timeline}
        rows.append((row | values | {"status": schema.OK, "seconds": cpu_s}, audio_s))
    return rows


def _rated(dataset: Dataset, rater: Rater, pairs: Pairs) -> Iterator[tuple[Degraded, Rating | UserError, float, float]]:
    """Yield each degraded clip, its rating or UserError, its CPU seconds with a share of its reference's, and the
    seconds of audio."""
    begun = cpu_seconds()
    try:
        reference = _load(dataset, rater, pairs.path, pairs.sha256)
        with attributed(rater.name):
            judge = rater.judge(reference)
    except UserError as error:
        yield from ((clip, UserError(f"reference: {error}"), 0.0, 0.0) for clip in pairs.degraded)
        return
    audio_s = len(reference) / rater.sample_rate
    share = (cpu_seconds() - begun) / len(pairs.degraded)
    for start in range(0, len(pairs.degraded), rater.batch):
        clips = pairs.degraded[start : start + rater.batch]
        before = cpu_seconds()
        found: dict[str, Rating | UserError] = {}
        loaded: dict[str, Samples] = {}
        for clip in clips:
            try:
                loaded[clip.degraded_id] = _load(dataset, rater, clip.path, clip.sha256)
                if rater.batch == 1:
                    with attributed(rater.name):
                        found[clip.degraded_id] = _rating(rater, reference, judge, loaded[clip.degraded_id])
            except UserError as error:
                found[clip.degraded_id] = error
        if rater.batch > 1 and loaded:
            with attributed(rater.name):
                found |= zip(loaded, rater.rate_batch(reference, list(loaded.values())), strict=True)
        cpu_s = share + (cpu_seconds() - before) / len(clips)
        yield from ((clip, _finite(rater, found[clip.degraded_id]), cpu_s, audio_s) for clip in clips)


def _finite(rater: Rater, rating: Rating | UserError) -> Rating | UserError:
    if isinstance(rating, Rating) and not math.isfinite(rating.value):
        return UserError(f"{rater.name} gives {rating.value} for it")
    return rating


def _rating(rater: Rater, reference: Samples, judge: Judge, degraded: Samples) -> Rating:
    """Rate a pair, aligned first if the rater needs it; the extras report every correction.

    lag_samples: at the rater's sample rate, positive if the degraded signal was late. level_db: level of the degraded
    signal relative to the reference. common: share of the longer signal that was compared. judge: the rater's for
    the whole reference, used if all of it is compared.
    """
    if not rater.aligned:
        return judge(degraded)
    pair = align(reference, degraded, rater.sample_rate)
    if len(pair.reference) < len(reference):
        judge = rater.judge(pair.reference)
    rating = judge(pair.degraded)
    common = len(pair.reference) / max(len(reference), len(degraded))
    found = {"lag_samples": pair.lag, "level_db": pair.level_db, "common": common}
    return replace(rating, extras={**rating.extras, **found})


def _load(dataset: Dataset, rater: Rater, relative: str, sha256: str) -> Samples:
    """Read a file of the data set as the rater needs it; raises UserError if it is missing, changed or unreadable."""
    audio = read(dataset.verified(relative, sha256))
    mixed = to_mono(audio.samples) if rater.channels == 1 else to_stereo(audio.samples)
    return resample(mixed, audio.sample_rate, rater.sample_rate)
