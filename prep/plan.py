"""`prep transcode --dry-run`: the planned work, and its cost by a short calibration on this machine."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from deepaq.audio.decode import probe
from deepaq.errors import UserError
from manifests import ids, schema
from manifests.dataset import Dataset
from manifests.jobs import cpu_seconds
from manifests.split import TRAIN, VALID
from prep.coding.lossless import packed
from prep.condition import Condition
from prep.degraded.remaining import existing, wanted
from prep.degraded.sampling import sampled
from prep.intake import find, intake
from prep.references.clips import SAMPLE_RATE, Clip, cut, is_silent
from prep.references.existing import References
from prep.settings import Settings
from prep.tracks.corpora import Source
from prep.tracks.corpora.corpus import is_file
from prep.tracks.mixture import mixed
from prep.tracks.sources import is_lossy
from prep.tracks.survey import known, source_id, track_id
from prep.tracks.track import Track
from prep.transcode import transcode

PAPER_HOURS = (45.0, 8.0)  # clean music for training and validation
PAPER_PER_CLIP = (3 * 122 / 45, 3 * 14 / 8)  # three codecs, 122 and 14 coded hours each
CORES = (16, 64)
_CALIBRATION_CLIPS, _CLIPS_TRIED = 4, 3
_HASHED_BYTES = 1 << 30  # read in a few seconds


def plan(music: Sequence[Path], out: Path, settings: Settings) -> dict[str, Any]:
    """Plan what `transcode` would do, without writing into `out`.

    Keys: sources, left_out (by kind), conditions; music_hours (available, per split), clean_hours (to prepare, per
    split), coded_hours (per split and codec or distortion), clips, versions, versions_done; bytes, cpu_hours and
    wall_hours (per number of cores) of the remaining work; cpu_per_second (of clean music). Tracks that are not
    surveyed yet are judged by their headers.
    """
    conditions = settings.conditions()
    dataset = Dataset(out) if any((out / name).is_dir() for name in schema.TABLES) else None
    found = find(music, settings)
    references = References.read(dataset)
    taken = intake(found, _looked_at(found.everything, dataset), dataset, references, settings)
    tracks = taken.tracks
    here: Counter[str] = Counter()
    for track in tracks:
        here[track.split(settings.valid_share)] += track.seconds or 0.0  # type: ignore[assignment]
    hours = {split: value / 3600 for split, value in here.items()}
    if settings.hours:  # planned in full, so that a few sources suffice to plan a large data set
        hours = {split: settings.hours_of(split) or 0.0 for split in dict.fromkeys((TRAIN, VALID, *here))}
    coded = {split: _per_family(conditions, settings, split) for split in hours}
    clips = {split: 3600 * value / settings.clip_s for split, value in hours.items()}
    degraded = sum(clips[split] * sum(coded[split].values()) for split in hours)
    done = _done(dataset, references.of(tracks, settings.clip_s), conditions, settings)
    left = max(0.0, 1 - done / degraded) if degraded else 0.0
    cost = calibrate(tracks, settings) if left else Cost(0.0, 0.0)
    seconds = 3600 * sum(hours.values()) * left
    cpu_hours = cost.cpu_per_second * seconds / 3600
    return {
        "songs": len(tracks),
        "left_out": dict(taken.left_out),
        "conditions": [condition.name for condition in conditions],
        "music_hours": {split: value / 3600 for split, value in here.items()},
        "clean_hours": hours,
        "coded_hours": {
            split: {family: count * hours[split] for family, count in families.items()}
            for split, families in coded.items()
        },
        "clips": round(sum(clips.values())),
        "versions": round(degraded),
        "versions_done": done,
        "bytes": round(cost.bytes_per_second * seconds),
        "cpu_per_second": cost.cpu_per_second,
        "cpu_hours": cpu_hours,
        "wall_hours": {cores: cpu_hours / cores for cores in sorted({settings.jobs, *CORES})},
    }


@dataclass(frozen=True)
class Cost:
    """Cost per second of clean music, from the survey to the last degraded row."""

    cpu_per_second: float
    bytes_per_second: float


def calibrate(tracks: Sequence[Track], settings: Settings) -> Cost:
    """Measure the cost of preparing a few clips of the tracks in a temporary folder."""
    readable = [track for track in tracks if not track.error]
    step = max(1, len(readable) // _CALIBRATION_CLIPS)
    with tempfile.TemporaryDirectory() as name:
        folder, seconds = Path(name), 0.0
        for track in readable[::step][:_CALIBRATION_CLIPS]:
            clip = _audible(track, settings.clip_s)
            if clip is not None:
                suffix, content = packed(clip.samples, SAMPLE_RATE)
                path = folder / "music" / f"{track.track_id}{suffix}"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
                seconds += len(clip.samples) / SAMPLE_RATE
        if not seconds:
            raise UserError("no source has an audible beginning for the calibration; nothing can be predicted")
        alone = replace(
            settings,
            jobs=1,
            shard=(0, 1),
            hours=(),
            valid_share=0.0,
            exclude=(),
            allow_lossy=True,
            dask=None,
            quiet=True,
        )
        music = [folder / "music"]
        transcode(music, folder / "warm-up", alone)
        before = cpu_seconds()
        transcode(music, folder / "data", alone)
        spent = cpu_seconds() - before
        size = sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())
    return Cost(spent / seconds, size / seconds)


def _audible(track: Track, clip_s: float) -> Clip | None:
    try:
        clips: Iterator[Clip] = islice(cut(mixed(track.source.parts), clip_s), _CLIPS_TRIED)
        return next((clip for clip in clips if not is_silent(clip.samples)), None)
    except UserError:
        return None


def _looked_at(sources: Sequence[Source], dataset: Dataset | None) -> dict[Source, Track]:
    """Tracks from the data set, and from the headers of sources unknown to it."""
    found = known(dataset, sources) if dataset else {}
    new = [source for source in sources if source not in found]
    size = sum(path.stat().st_size for source in new for path in source.parts if is_file(path))
    # The id decides the split, so a little music gets the true one; of much, any other is as good.
    name = track_id if size <= _HASHED_BYTES else source_id
    return found | {source: _headed(source, name(source)) for source in new}


def _headed(source: Source, name: str) -> Track:
    try:
        heads = [probe(path) for path in source.parts]
    except UserError as error:
        return Track(source, name, lossy=is_lossy(source), error=str(error))
    seconds, lossy = max(head.seconds for head in heads), any(head.lossy for head in heads)
    return Track(source, name, seconds, heads[0].sample_rate, lossy)


def _per_family(conditions: Sequence[Condition], settings: Settings, split: str) -> dict[str, float]:
    """Mean number of degraded clips per clip of the split, by codec or distortion."""
    per_clip = settings.per_clip_of(split)
    if per_clip is None:
        return dict(Counter(condition.family for condition in conditions))
    trials = 500
    counts = np.zeros(len(conditions))
    for trial in range(trials):
        counts[sampled(conditions, ids.joined_id(str(trial)), per_clip, settings.seed)] += 1 / trials
    families: Counter[str] = Counter()
    for condition, count in zip(conditions, counts, strict=True):
        families[condition.family] += float(count)  # type: ignore[assignment]
    return dict(families)


def _done(dataset: Dataset | None, references: pa.Table, conditions: Sequence[Condition], settings: Settings) -> int:
    if dataset is None:
        return 0
    want = wanted(references, conditions, settings)
    return int((want.mask & existing(dataset, want, settings.retry_failed).done(settings.retry_failed)).sum())
