"""The second job of `prep transcode`: cut tracks into reference clips and write their rows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from deepaq.audio import Samples
from deepaq.errors import UserError
from deepaq.files import committed, printable
from manifests import ids, schema
from manifests.dataset import Dataset
from manifests.fragment import write_fragment
from manifests.jobs import Counts
from manifests.provenance import provenance
from prep.coding.lossless import SUFFIXES, packed
from prep.references.clips import SAMPLE_RATE, SHORTEST_S, Clip, bandwidth_hz, cut, is_silent, loudness_lufs
from prep.tracks.mixture import mixed
from prep.tracks.track import Track


@dataclass(frozen=True)
class Ingest:
    """A picklable job: cuts a batch of tracks into clips, stores them and commits one fragment."""

    root: Path
    clip_s: float
    valid_share: float

    def __call__(self, tracks: Sequence[Track]) -> Counts:
        dataset = Dataset(self.root, create=True)
        owners = _Owners(dataset)
        rows = [row for track in tracks for row in self._rows(dataset, track, owners)]
        settings = {"clip_s": self.clip_s, "valid_share": self.valid_share, "sample_rate": SAMPLE_RATE}
        packages = "av", "soundfile", "soxr", "pydub", "pyloudnorm"
        footer = provenance("prep transcode", settings, {}, packages, self.root)
        write_fragment(dataset.folder(schema.REFERENCES), schema.REFERENCES, rows, footer)
        return Counter(row["status"] for row in rows)

    def _rows(self, dataset: Dataset, track: Track, owners: _Owners) -> list[dict[str, Any]]:
        """Make one row per clip, or one failed row if the track cannot be read to its end."""
        common = {
            "track_id": track.track_id,
            "split": track.split(self.valid_share),
            "track_path": track.path,
            "corpus": track.source.corpus,
            "clip_s": self.clip_s,
        }
        if track.error:
            return [common | self._without_audio(track, schema.FAILED, track.error)]
        try:
            clips = cut(mixed(track.source.parts), self.clip_s)
            rows = [common | self._row(dataset, track, clip, owners) for clip in clips]
        except UserError as error:
            return [common | self._without_audio(track, schema.FAILED, str(error))]
        short = f"{track.path}: is shorter than {SHORTEST_S:g} s"
        return rows or [common | self._without_audio(track, schema.SKIPPED, short)]

    def _row(self, dataset: Dataset, track: Track, clip: Clip, owners: _Owners) -> dict[str, Any]:
        if is_silent(clip.samples):
            reason = f"{track.path}: is silent from {clip.start_s:g} s"
            return self._without_audio(track, schema.SKIPPED, reason, clip.start_s)
        reference_id = ids.reference_id(clip.samples, SAMPLE_RATE)
        if len(clip.samples) != round(self.clip_s * SAMPLE_RATE):
            # A short last clip: clips of other lengths end in the same samples.
            reference_id = ids.joined_id(reference_id, repr(self.clip_s))
        if owners.track_id(reference_id) not in (None, track.track_id):
            reason = f"{track.path}: another track has the same samples as this one from {clip.start_s:g} s"
            return self._without_audio(track, schema.SKIPPED, reason, clip.start_s)
        path, size, sha256 = store(dataset, reference_id, clip.samples)
        return {
            "reference_id": reference_id,
            "path": path,
            "start_s": clip.start_s,
            "frames": len(clip.samples),
            "sample_rate": SAMPLE_RATE,
            "channels": clip.samples.shape[1],
            "loudness_lufs": loudness_lufs(clip.samples),
            "bandwidth_hz": bandwidth_hz(clip.samples),
            "bytes": size,
            "sha256": sha256,
            "status": schema.OK,
        }

    def _without_audio(self, track: Track, status: str, error: str, start_s: float | None = None) -> dict[str, Any]:
        place = "track" if start_s is None else repr(start_s)
        reference_id = ids.joined_id(track.track_id, repr(self.clip_s), place)
        return {
            "reference_id": reference_id,
            "start_s": start_s,
            "status": status,
            "error": printable(error),
        }


class _Owners:
    """Looks up the track that a clip was cut from before, by another job or an earlier run."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    @cached_property
    def _tracks(self) -> dict[str, str]:
        table = self._dataset.references(["track_id"])
        table = table.filter(pc.equal(table["status"], schema.OK))
        return dict(zip(table["reference_id"].to_pylist(), table["track_id"].to_pylist(), strict=True))

    def track_id(self, reference_id: str) -> str | None:
        """The track_id of a clip, None for a new one; reads the table only if the clip's file exists."""
        there = any(self._dataset.path(_place(reference_id) + suffix).exists() for suffix in SUFFIXES)
        return self._tracks.get(reference_id) if there else None


def _place(reference_id: str) -> str:
    return f"audio/references/{reference_id[:2]}/{reference_id}"


def store(dataset: Dataset, reference_id: str, samples: Samples) -> tuple[str, int, str]:
    """Write a clip losslessly and return its relative path and the file's size and sha256."""
    suffix, content = packed(samples, SAMPLE_RATE)
    relative = _place(reference_id) + suffix
    path = dataset.path(relative)
    with committed(path) as partial:
        partial.write_bytes(content)
    return relative, len(content), hashlib.sha256(content).hexdigest()
