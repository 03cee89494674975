"""`prep transcode`: survey the music, cut it into clips, degrade them; each step resumes where it stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from deepaq.console import note, note_skipped
from manifests import ids, jobs, schema
from manifests.dataset import Dataset
from manifests.jobs import Counts
from manifests.storage import sweep
from prep.degraded.degrade import Degrade
from prep.degraded.remaining import Wanted, existing, wanted
from prep.intake import find, intake, run_jobs, surveyed
from prep.references.existing import References
from prep.references.ingest import Ingest
from prep.settings import Settings

__all__ = ["Settings", "survey_music", "transcode"]


def transcode(music: Sequence[Path], out: Path, settings: Settings) -> dict[str, Any]:
    """Make or resume the data set folder `out`, and return what it then holds of this music.

    Keys: references, degraded, ok, failed, skipped (silent or too short), left_out (tracks, by kind), audio_seconds
    (degraded in this run), cpu_seconds (spent in this run), errors (one line each).
    """
    conditions = settings.conditions()
    dataset = _opened(out)
    found = find(music, settings)
    spent: Counts = Counter()
    tracks = surveyed(dataset, found.everything, settings, spent)
    references = References.read(dataset)
    taken = intake(found, tracks, dataset, references, settings)
    if new := references.uncut(dataset, taken.tracks, settings.clip_s, settings.retry_failed):
        ingest = Ingest(dataset.root.absolute(), settings.clip_s, settings.valid_share)
        spent.update(run_jobs(ingest, new, settings, "cut clips", "track"))
        references = References.read(dataset)
    rows = references.of(taken.tracks, settings.clip_s)
    want = wanted(rows, conditions, settings)
    before = existing(dataset, want, settings.retry_failed)
    if before.otherwise:
        names = ", ".join(before.otherwise)
        note(f"{out}: holds rows of {names} made with other settings or another build of the program; both stay")
    work = list(want.work(before.done(settings.retry_failed)))
    degrade = Degrade(dataset.root.absolute(), tuple(conditions))
    spent.update(run_jobs(degrade, work, settings, "degrade", "clip"))
    return _report(dataset, rows, want) | {
        "left_out": dict(taken.left_out),
        "audio_seconds": spent["audio_ms"] / 1000,
        "cpu_seconds": float(spent["cpu_seconds"]),
    }


def survey_music(music: Sequence[Path], out: Path, settings: Settings) -> dict[str, Any]:
    """Survey the music without cutting it, so that later shards need not each do so; return what was found.

    Keys: songs (tracks of this shard), hours (of them), cpu_seconds (spent in this run), errors (one line each).
    """
    dataset = _opened(out)
    found = find(music, settings)
    keys = [ids.joined_id(*map(str, source.parts)) for source in found.everything]
    mine = list(compress(found.everything, jobs.in_shard(keys, settings.shard)))
    spent: Counts = Counter()
    tracks = surveyed(dataset, mine, settings, spent)
    return {
        "songs": len(tracks),
        "hours": sum(track.seconds or 0.0 for track in tracks.values()) / 3600,
        "cpu_seconds": float(spent["cpu_seconds"]),
        "errors": [track.error for track in tracks.values() if track.error],
    }


def _opened(out: Path) -> Dataset:
    dataset = Dataset(out, create=True)
    tables = [dataset.folder(spec) for spec in schema.TABLES.values()]
    (dataset.root / "audio").mkdir(exist_ok=True)
    # Not deep: there may be millions of degraded files, and renaming makes them appear complete.
    sweep(dataset.root / "audio", deep=False)
    for folder in (dataset.root / "audio" / "references", *tables):
        sweep(folder)
    return dataset


def _report(dataset: Dataset, references: pa.Table, want: Wanted) -> dict[str, Any]:
    found = existing(dataset, want)
    failed = references.filter(pc.equal(references["status"], schema.FAILED))["error"].to_pylist() + found.errors
    skipped = references.filter(pc.equal(references["status"], schema.SKIPPED))["error"].to_pylist()
    note_skipped(skipped)
    return {
        "references": want.references.num_rows,
        "degraded": int((found.ok | found.failed).sum()),
        "ok": int(found.ok.sum()),
        "failed": len(failed),
        "skipped": len(skipped),
        "errors": failed,
    }
