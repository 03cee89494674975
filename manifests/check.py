"""Check a data set: every broken promise becomes one line."""

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
from manifests.fragment import fragments, read_fragment

_AGAIN = "`prep transcode MUSIC --out DATA --retry-failed` makes it again"


def problems(dataset: Dataset, deep: bool = False) -> Iterator[str]:
    """Yield what is wrong, one line each.

    Found are unreadable fragments and values that no row may hold, after which the rest cannot be judged; dangling
    ids; tracks in two splits; files that are missing, stray, outside the folder or of another size.
    deep: also compare every file with the checksum in its row.
    """
    unreadable = list(_unreadable(dataset))
    yield from unreadable
    if unreadable:
        return
    references = dataset.references(["track_id", "split", "path", "bytes", "sha256"])
    degraded = dataset.degraded(["reference_id", "path", "bytes", "sha256"])
    labels = dataset.labels(columns=[])
    yield from _splits(references)
    yield from _dangling(degraded, references, "reference_id", "degraded row without its reference")
    yield from _dangling(labels, degraded, "degraded_id", "label without its degraded row")
    named: set[str] = set()
    for spec, table in ((schema.REFERENCES, references), (schema.DEGRADED, degraded)):
        for batch in table.select([spec.key[0], "path", "bytes", "sha256", "status"]).to_batches(10_000):
            for row in batch.to_pylist():
                yield from _file(dataset, row[spec.key[0]], row, deep, named)
    yield from _strays(dataset, named)


def remarks(dataset: Dataset) -> Iterator[str]:
    """Yield what is allowed but worth knowing: clips of one track that were cut at several lengths share sound."""
    references = dataset.references(["track_id", "clip_s"])
    cut = pc.and_(pc.equal(references["status"], schema.OK), pc.is_valid(references["clip_s"]))
    pairs = references.filter(cut).group_by(["track_id", "clip_s"], use_threads=False)
    lengths = pairs.aggregate([]).group_by("track_id", use_threads=False).aggregate([("clip_s", "distinct")])
    mixed = [found for found in lengths["clip_s_distinct"].to_pylist() if len(found) > 1]
    if mixed:
        text = ", ".join(f"{length:g}" for length in sorted({length for found in mixed for length in found}))
        tracks = "1 track has" if len(mixed) == 1 else f"{len(mixed)} tracks have"
        yield f"{tracks} clips of several lengths ({text} s), which overlap; use a folder for each length"


def _unreadable(dataset: Dataset) -> Iterator[str]:
    for spec in schema.TABLES.values():
        try:
            found = fragments(dataset.folder(spec))
        except UserError as error:
            yield str(error)
            continue
        for path in found:
            try:
                read_fragment(path, spec.schema)
            except UserError as error:
                yield str(error)


def _splits(references: pa.Table) -> Iterator[str]:
    pairs = references.group_by(["track_id", "split"], use_threads=False).aggregate([])
    counts = pairs.group_by("track_id", use_threads=False).aggregate([("split", "count")])
    for row in counts.filter(pc.greater(counts["split_count"], 1)).to_pylist():
        yield f"track {row['track_id']}: is in {row['split_count']} splits"


def _dangling(rows: pa.Table, parents: pa.Table, key: str, what: str) -> Iterator[str]:
    known = pc.is_in(rows[key], value_set=parents[key].combine_chunks())
    for value in rows.filter(pc.invert(known))[key].to_pylist():
        yield f"{value}: {what}"


def _file(dataset: Dataset, name: str, row: dict[str, str | int | None], deep: bool, named: set[str]) -> Iterator[str]:
    if row["status"] != schema.OK:
        return
    relative = str(row["path"])
    try:
        path = dataset.path(relative)
    except UserError as error:
        yield f"{name}: {error}"
        return
    named.add(relative)
    if not path.is_file():
        yield f"{name}: {relative} is missing; {_AGAIN}"
    elif row["bytes"] not in (None, size := path.stat().st_size):
        yield f"{name}: {relative} has {size} bytes instead of {row['bytes']}; delete it, and {_AGAIN}"
    elif deep and file_sha256(path) != row["sha256"]:
        yield f"{name}: {relative} differs from its checksum; delete it, and {_AGAIN}"


def _strays(dataset: Dataset, named: set[str]) -> Iterator[str]:
    for where, folders, names in os.walk(dataset.root / "audio"):
        folders[:] = sorted(name for name in folders if not name.startswith(PARTIAL))
        for name in sorted(names):
            relative = Path(where, name).relative_to(dataset.root).as_posix()
            if relative not in named and not name.startswith(PARTIAL):
                yield f"{relative}: a file without a row"
