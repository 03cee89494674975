"""`prep transcode`: look at the music, cut it into clips, make their degraded versions; each step goes on where it
stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from manifests import ids, jobs, schema
from manifests.dataset import Dataset, standing
from manifests.jobs import Counts
from manifests.storage import sweep
from prep.degraded.degrade import Degrade
from prep.degraded.remaining import Wanted, committed, wanted
from prep.intake import intake, run_jobs, surveyed
from prep.references.ingest import Ingest
from prep.settings import Settings
from prep.tracks.exclusion import Exclusion
from prep.tracks.sources import find_songs
from prep.tracks.track import Track

__all__ = ["Settings", "survey_music", "transcode"]


def transcode(music: Sequence[Path], out: Path, settings: Settings) -> dict[str, Any]:
    """Make the data set folder `out` of `music`, or go on with it, and return what it then holds of this music.

    Keys: references, degraded, ok, failed, skipped (silent or too short), left_out (songs, by kind), audio_seconds
    (of versions made now), cpu_seconds (spent now), errors (one line each).
    """
    conditions = settings.conditions()
    dataset = _opened(out)
    spent: Counts = Counter()
    tracks, left_out = intake(music, dataset, settings, lambda songs: surveyed(dataset, songs, settings, spent))
    new = new_tracks(dataset, tracks, settings)
    ingest = Ingest(dataset.root.absolute(), settings.clip_s, settings.valid_share, _clips(dataset, new, settings))
    spent.update(run_jobs(ingest, new, settings, "cut clips", "track"))
    references = of_tracks(dataset, tracks, settings)
    want = wanted(references, conditions, settings)
    work = list(want.work(committed(dataset, want, settings.retry_failed).done(settings.retry_failed)))
    degrade = Degrade(dataset.root.absolute(), tuple(conditions))
    spent.update(run_jobs(degrade, work, settings, "degrade", "clip"))
    return _report(dataset, references, want) | {
        "left_out": dict(left_out),
        "audio_seconds": spent["audio_ms"] / 1000,
        "cpu_seconds": float(spent["cpu_seconds"]),
    }


def survey_music(music: Sequence[Path], out: Path, settings: Settings) -> dict[str, Any]:
    """Only look at the music, so that shards that come after need not each do it; return what was found.

    Keys: songs (of this shard), hours (of them), cpu_seconds (spent now), errors (one line each).
    """
    dataset = _opened(out)
    songs = [*find_songs(music, settings.corpus), *Exclusion.read(settings.exclude).songs]
    index, count = settings.shard
    mine = [song for song in songs if jobs.shard_of(ids.joined_id(*map(str, song.parts)), count) == index]
    spent: Counts = Counter()
    tracks = surveyed(dataset, mine, settings, spent)
    return {
        "songs": len(tracks),
        "hours": sum(track.seconds or 0.0 for track in tracks.values()) / 3600,
        "cpu_seconds": float(spent["cpu_seconds"]),
        "errors": [track.error for track in tracks.values() if track.error],
    }


def new_tracks(dataset: Dataset, tracks: Sequence[Track], settings: Settings) -> list[Track]:
    """Tracks without rows at this clip length: a track's rows are committed together.

    Where failures are retried, also those of which a clip's file is missing or has another size.
    """
    table = of_tracks(dataset, tracks, settings)
    gone: set[str] = set()
    if settings.retry_failed:
        table = table.filter(pc.not_equal(table["status"], schema.FAILED))
        clips = table.filter(pc.equal(table["status"], schema.OK))
        gone = set(clips.filter(pa.array(~dataset.there(clips)))["track_id"].to_pylist())
    done = set(table["track_id"].to_pylist()) - gone
    return [track for track in tracks if track.track_id not in done]


def of_tracks(dataset: Dataset, tracks: Sequence[Track], settings: Settings) -> pa.Table:
    """The reference rows of the tracks at this clip length, without failures that were cured."""
    columns = ["track_id", "split", "clip_s", "start_s", "path", "bytes", "sha256", "error"]
    table = dataset.references(columns)
    mine = pc.is_in(table["track_id"], value_set=_ids(tracks))
    return standing(table.filter(pc.and_(mine, pc.equal(table["clip_s"], settings.clip_s))))


def _clips(dataset: Dataset, tracks: Sequence[Track], settings: Settings) -> frozenset[str]:
    return frozenset(of_tracks(dataset, tracks, settings)["reference_id"].to_pylist() if tracks else ())


def _ids(tracks: Sequence[Track]) -> pa.Array:
    return pa.array([track.track_id for track in tracks], pa.string())


def _opened(out: Path) -> Dataset:
    dataset = Dataset(out, create=True)
    (dataset.root / "audio").mkdir(exist_ok=True)
    # Not among the degraded files, of which there may be millions: they come there whole, by renaming.
    sweep(dataset.root / "audio", deep=False)
    for folder in (dataset.root / "audio" / "references", *map(dataset.folder, schema.TABLES.values())):
        sweep(folder)
    return dataset


def _report(dataset: Dataset, references: pa.Table, want: Wanted) -> dict[str, Any]:
    found = committed(dataset, want)
    failed = references.filter(pc.equal(references["status"], schema.FAILED))["error"].to_pylist() + found.errors
    return {
        "references": want.references.num_rows,
        "degraded": int((found.ok | found.failed).sum()),
        "ok": int(found.ok.sum()),
        "failed": len(failed),
        "skipped": int(pc.sum(pc.equal(references["status"], schema.SKIPPED)).as_py() or 0),
        "errors": failed,
    }
