"""One fragment of a table: a Parquet file whose appearance under its final name is the commit."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deepaq.errors import UserError
from manifests.schema import SCHEMA_VERSION, TableSpec
from manifests.storage import PARTIAL, committed

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

    Names sort by time, so that later fragments supersede earlier ones.
    """
    table = to_table(spec, rows)
    return write_table(folder, table, footer)


def write_table(folder: Path, table: pa.Table, footer: Mapping[str, Any]) -> Path:
    """Write an Arrow table as one new fragment."""
    text = json.dumps(footer, sort_keys=True, allow_nan=False)
    table = table.replace_schema_metadata({FOOTER_KEY: text.encode()})
    path = folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}.parquet"
    with committed(path) as partial:
        pq.write_table(table, partial, compression="zstd")
    return path


def fragments(folder: Path) -> list[Path]:
    """The committed fragments under `folder`, oldest first."""
    found = [path for path in folder.rglob("*.parquet") if not path.name.startswith(PARTIAL)]
    return sorted(found, key=lambda path: path.name)


def read_footer(path: Path) -> dict[str, Any]:
    """The provenance of one fragment; UserError when it is not one of ours or of a newer version."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        footer: dict[str, Any] = json.loads(metadata[FOOTER_KEY])
    except (pa.ArrowInvalid, OSError, KeyError, ValueError):
        raise UserError(f"{path}: is not a manifest of this toolkit, or is damaged; move it away and rerun") from None
    if footer.get("schema_version", 0) > SCHEMA_VERSION:
        raise UserError(f"{path}: was written by a newer version (schema {footer['schema_version']}); upgrade deepaq")
    return footer
