"""One fragment of a table: a Parquet file whose appearance under its final name is the commit."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deepaq.errors import UserError
from deepaq.files import PARTIAL, committed
from manifests.lock import keep_lock, lock_id
from manifests.schema import SCHEMA_VERSION, TableSpec

FOOTER_KEY = b"deepaq"


def to_table(spec: TableSpec, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table; ValueError when a row has a column too many or lacks a required one."""
    names = set(spec.schema.names)
    required = {field.name for field in spec.schema if not field.nullable}
    for row in rows:
        if extra := set(row) - names:
            raise ValueError(f"{spec.name}: unknown columns {sorted(extra)}")
        if missing := {name for name in required if row.get(name) is None}:
            raise ValueError(f"{spec.name}: required columns {sorted(missing)} are missing")
    return pa.Table.from_pylist([dict(row) for row in rows], schema=spec.schema)


def write_fragment(folder: Path, spec: TableSpec, rows: Sequence[Mapping[str, Any]], footer: Mapping[str, Any]) -> Path:
    """Write rows and their provenance atomically into `folder` and return the new file.

    Names sort by time, so that later fragments supersede earlier ones. The package lock that the provenance names is
    kept in the data set.
    """
    table = to_table(spec, rows)
    if footer.get("environment", {}).get("packages") == lock_id():
        keep_lock(folder.parent if folder.name == spec.name else folder.parent.parent)  # labels: a folder per rater
    return write_table(folder, table, footer)


def write_table(folder: Path, table: pa.Table, footer: Mapping[str, Any]) -> Path:
    """Write an Arrow table as one new fragment."""
    return write_tables(folder, [table], table.schema, footer)


def write_tables(
    folder: Path,
    tables: Iterable[pa.Table],
    layout: pa.Schema,
    footer: Mapping[str, Any],
    time_ns: int | None = None,
) -> Path:
    """Write tables that come one by one as one new fragment.

    time_ns: what its name says it was written at, now by default.
    """
    text = json.dumps(footer, sort_keys=True, allow_nan=False)
    layout = layout.with_metadata({FOOTER_KEY: text.encode()})
    path = folder / f"{time.time_ns() if time_ns is None else time_ns:020d}-{secrets.token_hex(4)}.parquet"
    with (
        committed(path) as partial,
        pq.ParquetWriter(partial, layout, compression="zstd", write_page_checksum=True) as writer,
    ):
        for table in tables:
            writer.write_table(table.replace_schema_metadata(layout.metadata))
    return path


def fragments(folder: Path) -> list[Path]:
    """The committed fragments under `folder`, oldest first."""
    found = [path for path in folder.rglob("*.parquet") if not path.name.startswith(PARTIAL)]
    return sorted(found, key=lambda path: path.name)


def read_footer(path: Path) -> dict[str, Any]:
    """The provenance of one fragment; UserError when it is not one of ours or of a newer version."""
    with _opened(path) as file:
        return _footer(path, file)


def read_fragment(path: Path, layout: pa.Schema) -> pa.Table:
    """One fragment's rows in the wanted columns; optional ones that it is too old to have are null.

    Raises UserError when it is damaged, foreign or of a newer version, FileNotFoundError when it is gone.
    """
    with _opened(path) as file:
        _footer(path, file)
        names = set(file.schema_arrow.names)
        for field in layout:
            if field.name not in names and not field.nullable:
                raise UserError(f"{path}: lacks the column {field.name}; it is damaged or foreign, move it away")
        try:
            part = file.read(columns=[name for name in layout.names if name in names], use_threads=False)
            columns = [
                part[field.name].cast(field.type) if field.name in names else pa.nulls(part.num_rows, field.type)
                for field in layout
            ]
            table = pa.table(columns, schema=layout)
            table.validate(full=True)  # text that is none is damage too, in pages from before there were checksums
        except (pa.ArrowException, OSError, ValueError):
            raise _damaged(path) from None
    return table


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError):
        raise _damaged(path) from None
    with file:
        yield file


def _damaged(path: Path) -> UserError:
    return UserError(f"{path}: is not a manifest of this toolkit, or is damaged; move it away and rerun")


def _footer(path: Path, file: pq.ParquetFile) -> dict[str, Any]:
    try:
        footer: dict[str, Any] = json.loads((file.schema_arrow.metadata or {})[FOOTER_KEY])
    except (KeyError, ValueError):
        raise _damaged(path) from None
    if footer.get("schema_version", 0) > SCHEMA_VERSION:
        raise UserError(f"{path}: was written by a newer version (schema {footer['schema_version']}); upgrade deepaq")
    return footer
