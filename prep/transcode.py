"""`prep transcode`: what is wanted, minus what is committed, is what remains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from deepaq.console import note
from deepaq.errors import UserError
from manifests import ids, jobs, schema
from manifests.dataset import Dataset
from manifests.split import VALID_SHARE
from manifests.storage import sweep
from prep.codecs import BITRATES, DEFAULT, codings
from prep.condition import Condition
from prep.damage import damages
from prep.degrade import Degrade, Work, degraded_id
from prep.ingest import Ingest, Track
from prep.sources import find_music, is_lossy


@dataclass(frozen=True)
class Settings:
    """What to make and how.

    codecs, bitrates (kbps), distortions (as `damages` reads them): the conditions.
    clip_s: clip length in seconds, at least 2. jobs: worker processes. shard: (index from 0, count).
    """

    codecs: tuple[str, ...] = DEFAULT
    bitrates: tuple[int, ...] = BITRATES
    clip_s: float = 10.0
    distortions: str = ""
    valid_share: float = VALID_SHARE
    jobs: int = field(default_factory=jobs.cpu_count)
    shard: tuple[int, int] = (0, 1)
    dask: str | None = None
    retry_failed: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.clip_s <= 600:
            raise UserError(f"--clip {self.clip_s:g}: clips are 2 to 600 seconds long")
        if self.jobs < 1:
            raise UserError(f"--jobs {self.jobs}: at least one is needed")
        if not 0 <= self.valid_share < 1:
            raise UserError(f"--valid-share {self.valid_share:g}: a share from 0 to below 1 is needed")

    def conditions(self) -> list[Condition]:
        """Every condition asked for; UserError when there is none."""
        chosen: list[Condition] = [*codings(self.codecs, self.bitrates), *damages(self.distortions)]
        if not chosen:
            raise UserError("no conditions: name some with --codecs or --distortions")
        return chosen


def transcode(music: Sequence[Path], out: Path, settings: Settings) -> dict[str, Any]:
    """Make the data set folder `out` of `music`, or go on with it, and return what it then holds of this music.

    Keys: references, degraded, ok, failed, skipped (silent or too short), audio_seconds (of coded audio made now),
    cpu_seconds (spent now), errors (one line each).
    """
    wanted = settings.conditions()
    tracks = _mine(_identify(find_music(music), settings.jobs), settings.shard)
    dataset = Dataset(out, create=True)
    (dataset.root / "audio").mkdir(exist_ok=True)
    sweep(dataset.root)
    spent = 0.0
    spent += _run(
        Ingest(out, settings.clip_s, settings.valid_share),
        _new_tracks(dataset, tracks, settings),
        settings,
        "cut clips",
        "track",
    )["cpu_seconds"]
    references = _of_tracks(dataset, tracks, settings.clip_s)
    counts = _run(Degrade(out), _remaining(dataset, references, wanted, settings), settings, "encode", "clip")
    return _report(dataset, references, wanted) | {
        "audio_seconds": counts["audio_ms"] / 1000,
        "cpu_seconds": spent + counts["cpu_seconds"],
    }


def plan(music: Sequence[Path], out: Path, settings: Settings) -> dict[str, Any]:
    """What `transcode` would do, without doing it: files, files already cut, clips and versions that remain."""
    wanted = settings.conditions()
    tracks = _mine(_identify(find_music(music), settings.jobs), settings.shard)
    exists = (out / schema.REFERENCES.name).is_dir()
    new, versions = tracks, 0
    if exists:
        dataset = Dataset(out)
        new = _new_tracks(dataset, tracks, settings)
        references = _of_tracks(dataset, tracks, settings.clip_s)
        versions = sum(len(work.conditions) for work in _remaining(dataset, references, wanted, settings))
    return {
        "files": len(tracks),
        "files_to_cut": len(new),
        "conditions": [condition.name for condition in wanted],
        "versions_of_cut_clips_to_make": versions,
    }


def _run(
    function: Callable[[Sequence[Any]], jobs.Counts], items: Sequence[Any], settings: Settings, label: str, unit: str
) -> jobs.Counts:
    # Small batches keep the loss of a kill small; the upper bound keeps fragments few on large collections.
    size = max(1, min(16, len(items) // (8 * settings.jobs)))
    return jobs.run(
        function,
        jobs.batched(items, size),
        jobs=settings.jobs,
        label=label,
        unit=unit,
        quiet=settings.quiet,
        dask=settings.dask,
    )


def _identify(paths: Sequence[Path], threads: int) -> list[Track]:
    """Tracks by content; a file that is there twice counts once."""
    with ThreadPoolExecutor(threads) as pool:
        names = list(pool.map(_track_id, paths))
    tracks: dict[str, Track] = {}
    for path, name in zip(paths, names, strict=True):
        if name in tracks:
            note(f"{path}: is the same file as {tracks[name].path}, taken once")
            continue
        tracks[name] = Track(path, name)
        if is_lossy(path):
            note(f"warning: {path}: is a lossy source, its own artefacts become part of the reference")
    return list(tracks.values())


def _track_id(path: Path) -> str:
    try:
        return ids.track_id(path)
    except OSError:  # unreadable: the job will say so in a row
        return ids.joined_id(str(path))


def _mine(tracks: list[Track], shard: tuple[int, int]) -> list[Track]:
    index, count = shard
    return [track for track in tracks if jobs.shard_of(track.track_id, count) == index]


def _new_tracks(dataset: Dataset, tracks: list[Track], settings: Settings) -> list[Track]:
    """Tracks without rows at this clip length: a track's rows are committed together."""
    table = dataset.references(["track_id", "clip_s"])
    table = table.filter(pc.equal(table["clip_s"], settings.clip_s))
    if settings.retry_failed:
        table = table.filter(pc.not_equal(table["status"], schema.FAILED))
    done = set(table["track_id"].to_pylist())
    return [track for track in tracks if track.track_id not in done]


def _of_tracks(dataset: Dataset, tracks: list[Track], clip_s: float) -> pa.Table:
    table = dataset.references(["reference_id", "track_id", "track_path", "clip_s", "path", "status", "error"])
    mine = pc.is_in(table["track_id"], value_set=pa.array([track.track_id for track in tracks], pa.string()))
    return table.filter(pc.and_(mine, pc.equal(table["clip_s"], clip_s)))


def _remaining(dataset: Dataset, references: pa.Table, wanted: list[Condition], settings: Settings) -> list[Work]:
    done = dataset.done(schema.DEGRADED, retry_failed=settings.retry_failed)
    work = []
    for row in references.filter(pc.equal(references["status"], schema.OK)).to_pylist():
        missing = tuple(c for c in wanted if degraded_id(row["reference_id"], c) not in done)
        if missing:
            work.append(Work(row["reference_id"], row["path"], missing))
    return work


def _report(dataset: Dataset, references: pa.Table, wanted: list[Condition]) -> dict[str, Any]:
    degraded = dataset.degraded(["reference_id", "condition_id", "condition", "error"])
    mine = pc.and_(
        pc.is_in(degraded["reference_id"], value_set=references["reference_id"].combine_chunks()),
        pc.is_in(degraded["condition_id"], value_set=pa.array([c.id for c in wanted])),
    )
    degraded = degraded.filter(mine)

    def count(table: pa.Table, status: str) -> int:
        return int(pc.sum(pc.equal(table["status"], status)).as_py() or 0)

    failed = [row["error"] for row in references.to_pylist() if row["status"] == schema.FAILED]
    failed += [
        f"{row['reference_id']} {row['condition']}: {row['error']}"
        for row in degraded.filter(pc.equal(degraded["status"], schema.FAILED)).to_pylist()
    ]
    return {
        "references": count(references, schema.OK),
        "degraded": degraded.num_rows,
        "ok": count(degraded, schema.OK),
        "failed": len(failed),
        "skipped": count(references, schema.SKIPPED),
        "errors": failed,
    }
