"""The references table of a data set at the start of a run: read once, then queried by track and clip length."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from manifests import schema
from manifests.dataset import Dataset, standing
from prep.tracks.track import Track

_COLUMNS = ("track_id", "split", "clip_s", "start_s", "path", "bytes", "sha256", "error")


@dataclass(frozen=True)
class References:
    """Rows of the references table, failures and skipped clips included. splits: of every track, by track_id."""

    table: pa.Table
    splits: dict[str, str]

    @classmethod
    def read(cls, dataset: Dataset | None) -> References:
        """Read the current rows of a data set; no rows for None."""
        if dataset is None:
            names = ("reference_id", "status", *_COLUMNS)
            table = pa.schema([schema.REFERENCES.schema.field(name) for name in names]).empty_table()
        else:
            table = dataset.references(list(_COLUMNS))
        return cls(table, dict(zip(table["track_id"].to_pylist(), table["split"].to_pylist(), strict=True)))

    def of(self, tracks: Sequence[Track], clip_s: float) -> pa.Table:
        """The tracks' rows at this clip length, without failures that were cured."""
        rows = self._of(tracks)
        return standing(rows.filter(pc.equal(rows["clip_s"], clip_s)))

    def other_lengths(self, tracks: Sequence[Track], clip_s: float) -> list[float]:
        """Clip lengths in seconds, other than `clip_s`, at which these tracks were cut before; ascending."""
        rows = self._of(tracks)
        lengths = rows.filter(pc.equal(rows["status"], schema.OK))["clip_s"]
        return sorted(set(lengths.drop_null().unique().to_pylist()) - {clip_s})

    def uncut(self, dataset: Dataset, tracks: Sequence[Track], clip_s: float, retry_failed: bool) -> list[Track]:
        """Tracks without rows at this clip length: a track's rows are committed together.

        retry_failed: also tracks with failed rows, and those with a clip whose file is missing or has another size.
        """
        table = self.of(tracks, clip_s)
        incomplete: Collection[str] = ()
        if retry_failed:
            table = table.filter(pc.not_equal(table["status"], schema.FAILED))
            clips = table.filter(pc.equal(table["status"], schema.OK))
            incomplete = set(clips.filter(pa.array(~dataset.there(clips)))["track_id"].to_pylist())
        done = set(table["track_id"].to_pylist()).difference(incomplete)
        return [track for track in tracks if track.track_id not in done]

    def _of(self, tracks: Sequence[Track]) -> pa.Table:
        names = pa.array([track.track_id for track in tracks], pa.string())
        return self.table.filter(pc.is_in(self.table["track_id"], value_set=names))
