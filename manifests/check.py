"""Does a data set hold together? Every broken promise becomes one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from deepaq.errors import UserError
from deepaq.files import PARTIAL, file_sha256
from manifests import schema
from manifests.dataset import Dataset

_AGAIN = "`prep transcode MUSIC --out DATA --retry-failed` makes it again"


def problems(dataset: Dataset, deep: bool = False) -> Iterator[str]:
    """Yield what is wrong: dangling ids, tracks in two splits, missing, stray or escaping files.

    deep: also compare every file with the checksum in its row.
    """
    references = dataset.references(["track_id", "split", "path", "sha256"])
    degraded = dataset.degraded(["reference_id", "path", "sha256"])
    labels = dataset.labels(columns=[])
    yield from _splits(references)
    yield from _dangling(degraded, references, "reference_id", "degraded row without its reference")
    yield from _dangling(labels, degraded, "degraded_id", "label without its degraded row")
    named: set[str] = set()
    for spec, table in ((schema.REFERENCES, references), (schema.DEGRADED, degraded)):
        for batch in table.select([spec.key[0], "path", "sha256", "status"]).to_batches(10_000):
            for row in batch.to_pylist():
                yield from _file(dataset, row[spec.key[0]], row, deep, named)
    yield from _strays(dataset, named)


def _splits(references: pa.Table) -> Iterator[str]:
    pairs = references.group_by(["track_id", "split"], use_threads=False).aggregate([])
    counts = pairs.group_by("track_id", use_threads=False).aggregate([("split", "count")])
    for row in counts.filter(pc.greater(counts["split_count"], 1)).to_pylist():
        yield f"track {row['track_id']}: is in {row['split_count']} splits"


def _dangling(rows: pa.Table, parents: pa.Table, key: str, what: str) -> Iterator[str]:
    known = pc.is_in(rows[key], value_set=parents[key].combine_chunks())
    for value in rows.filter(pc.invert(known))[key].to_pylist():
        yield f"{value}: {what}"


def _file(dataset: Dataset, name: str, row: dict[str, str | None], deep: bool, named: set[str]) -> Iterator[str]:
    if row["status"] != schema.OK:
        return
    if not row["path"]:
        yield f"{name}: an ok row without a file"
        return
    try:
        path = dataset.path(row["path"])
    except UserError as error:
        yield f"{name}: {error}"
        return
    named.add(row["path"])
    if not path.is_file():
        yield f"{name}: {row['path']} is missing; {_AGAIN}"
    elif deep and file_sha256(path) != row["sha256"]:
        yield f"{name}: {row['path']} differs from its checksum; delete it, and {_AGAIN}"


def _strays(dataset: Dataset, named: set[str]) -> Iterator[str]:
    for where, folders, names in os.walk(dataset.root / "audio"):
        folders[:] = sorted(name for name in folders if not name.startswith(PARTIAL))
        for name in sorted(names):
            relative = Path(where, name).relative_to(dataset.root).as_posix()
            if relative not in named and not name.startswith(PARTIAL):
                yield f"{relative}: a file without a row"
