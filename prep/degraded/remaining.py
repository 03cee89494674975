"""The wanted degraded clips minus the committed ones, as a matrix of clips and conditions; fast for a million rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manifests import schema
from manifests.dataset import Dataset
from prep.condition import Condition
from prep.degraded.degrade import Work
from prep.degraded.sampling import sampled
from prep.settings import Settings

Matrix = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Wanted:
    """The degraded clips that a run wants.

    references: rows of the clips with audio. mask: (clips, conditions), True where wanted.
    """

    references: pa.Table
    conditions: Sequence[Condition]
    mask: Matrix

    def work(self, done: Matrix) -> Iterator[Work]:
        """Yield the clips with conditions that are wanted and not `done`, in the table's order."""
        missing = self.mask & ~done
        clips = np.flatnonzero(missing.any(axis=1))
        rows = self.references.select(["reference_id", "path", "sha256"]).take(pa.array(clips)).to_pylist()
        # Most clips lack the same conditions. Shared tuples make a million rows fit in memory.
        tuples: dict[bytes, tuple[Condition, ...]] = {}
        for clip, row in zip(clips, rows, strict=True):
            key = missing[clip].tobytes()
            if key not in tuples:
                tuples[key] = tuple(self.conditions[index] for index in np.flatnonzero(missing[clip]).tolist())
            yield Work(row["reference_id"], row["path"], row["sha256"], tuples[key])


def wanted(references: pa.Table, conditions: Sequence[Condition], settings: Settings) -> Wanted:
    """Want all conditions for every clip with audio, or the sample of them that the settings request."""
    audible = references.filter(pc.equal(references["status"], schema.OK))
    mask = np.ones((audible.num_rows, len(conditions)), bool)
    if settings.per_clip:
        names, splits = audible["reference_id"].to_pylist(), audible["split"].to_pylist()
        for row, (name, split) in enumerate(zip(names, splits, strict=True)):
            per_clip = settings.per_clip_of(split)
            if per_clip is not None:
                mask[row] = False
                mask[row, sampled(conditions, name, per_clip, settings.seed)] = True
    return Wanted(audible, conditions, mask)


@dataclass(frozen=True)
class Existing:
    """Committed rows. ok, failed: (clips, conditions). errors: one line per wanted row that failed.

    otherwise: names of wanted conditions under which these clips have rows of other settings, such as another build.
    """

    ok: Matrix
    failed: Matrix
    errors: list[str]
    otherwise: list[str]

    def done(self, retry_failed: bool) -> Matrix:
        """Mask of the rows that need no work."""
        return self.ok if retry_failed else self.ok | self.failed


def existing(dataset: Dataset, want: Wanted, look: bool = False) -> Existing:
    """Find the wanted rows in the degraded table.

    look: count a row as ok only if its file exists with the recorded size.
    """
    files = ["path", "bytes"] if look else []
    table = dataset.degraded(["reference_id", "condition_id", "condition", "error", *files])
    clip = pc.index_in(table["reference_id"], value_set=want.references["reference_id"].combine_chunks())
    condition = pc.index_in(table["condition_id"], value_set=pa.array([c.id for c in want.conditions], pa.string()))
    named = pc.is_in(table["condition"], value_set=pa.array([c.name for c in want.conditions], pa.string()))
    others = pc.and_(pc.and_(pc.is_valid(clip), named), pc.is_null(condition))
    otherwise = sorted(table.filter(others)["condition"].unique().to_pylist())
    mine = pc.and_(pc.is_valid(clip), pc.is_valid(condition))
    table, clip, condition = table.filter(mine), clip.filter(mine).to_numpy(), condition.filter(mine).to_numpy()
    chosen = want.mask[clip, condition]
    status = table["status"]
    found = {}
    for name in (schema.OK, schema.FAILED):
        rows = pc.equal(status, name).to_numpy() & chosen
        if look and name == schema.OK:
            rows[rows] = dataset.there(table.filter(pa.array(rows)))
        found[name] = np.zeros_like(want.mask)
        found[name][clip[rows], condition[rows]] = True
    failed = table.filter(pa.array(pc.equal(status, schema.FAILED).to_numpy() & chosen))
    errors = [f"{row['reference_id']} {row['condition']}: {row['error']}" for row in failed.to_pylist()]
    return Existing(found[schema.OK], found[schema.FAILED], errors, otherwise)
