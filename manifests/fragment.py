"""Fragments of a table: Parquet files, committed by appearing under their final name."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deepaq.errors import UserError
from deepaq.files import PARTIAL, committed
from manifests.limits.size import check_claims, check_texts, leaves
from manifests.limits.values import fault, footer_fault
from manifests.schema import SCHEMA_VERSION, TableSpec

FOOTER_KEY = b"deepaq"
_READERS, _SHARE, _ATTEMPTS = 4, 64, 5  # threads that read, fragments that one takes at a time
_TEXTS = (pa.string(), pa.binary())
_BROKEN = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, RecursionError)


def to_table(spec: TableSpec, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table; ValueError when a row has an unknown column or lacks a required one."""
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

    Names sort by time, so later fragments supersede earlier ones.
    """
    return write_table(folder, to_table(spec, rows), footer)


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
    """Write tables, consumed one by one, as one new fragment.

    time_ns: time for the file name, now by default.
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
    """The committed fragments under `folder`, oldest first; UserError for a link that leads out of it."""
    found = [path for path in folder.rglob("*.parquet") if not path.name.startswith(PARTIAL)]
    for path in found:
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{path}: is a link out of {folder}; put the file itself there or remove the link")
    return sorted(found, key=attrgetter("name"))


def read_footer(path: Path) -> dict[str, Any]:
    """The provenance of one fragment; UserError when it is foreign, damaged or of a newer version."""
    with _opened(path) as file:
        footer: dict[str, Any] = json.loads(_footer(path, file))
    return footer


def read_fragment(path: Path, layout: pa.Schema) -> pa.Table:
    """One fragment's rows in the wanted columns; optional columns that an old fragment lacks are null.

    Raises UserError when it is damaged, foreign, of a newer version, or holds a value that no row may hold (see
    `manifests.limits.values`), and FileNotFoundError when it is gone.
    """
    return _joined([path], [_read(path, layout)], layout)


def read_folder(folder: Path, layout: pa.Schema) -> pa.Table:
    """All rows of the fragments under `folder`, oldest first, superseded rows included; see `read_fragment`."""
    with ThreadPoolExecutor(_READERS) as pool:
        for attempt in range(_ATTEMPTS):
            try:
                paths = fragments(folder)
                shares = [paths[start : start + _SHARE] for start in range(0, len(paths), _SHARE)]
                read = pool.map(lambda share: [_read(path, layout) for path in share], shares)
                parts = list(chain.from_iterable(read))
                return _joined(paths, parts, layout) if parts else layout.empty_table()
            except FileNotFoundError:  # merged away by `manifests compact` since it was listed
                if attempt == _ATTEMPTS - 1:
                    raise
    raise AssertionError("the last attempt returns or raises")


def _joined(paths: Sequence[Path], parts: Sequence[pa.Table], layout: pa.Schema) -> pa.Table:
    """All parts as one table of the layout; UserError, naming the file, for a part that is not sound."""
    table = pa.concat_tables(parts)
    try:
        table.validate(full=True)  # finds text that is not UTF-8, in pages without checksums
        # One chunk: every call of a function costs something per chunk.
        table = pa.table([table[field.name].cast(field.type) for field in layout], schema=layout).combine_chunks()
        wrong = fault(table) if "status" in layout.names else None
    except _BROKEN:
        wrong = "is no sound table"
    if not wrong:
        return table
    if len(paths) == 1:
        raise UserError(f"{paths[0]}: {wrong}; the file is damaged or not to be trusted, move it away")
    for path, part in zip(paths, parts, strict=True):  # checking one by one takes longer
        _joined([path], [part], layout)
    raise AssertionError("if the whole is wrong, a part is")


def _read(path: Path, layout: pa.Schema) -> pa.Table:
    """The columns of a layout, with texts as dictionaries."""
    with _opened(path, layout) as file:
        _footer(path, file)
        try:
            part = file.read(columns=layout.names, use_threads=False)  # those that it has
            check_texts(path, part)
            missing = {field.name for field in layout if not field.nullable}.difference(part.schema.names)
            if not missing:
                return pa.table({field.name: _column(part, field) for field in layout})
        except _BROKEN:
            raise _damaged(path) from None
    raise UserError(f"{path}: lacks the column {min(missing)}; it is damaged or foreign, move it away")


def _column(part: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    """The column of a field, null if the fragment lacks it; text as a dictionary."""
    kind = pa.dictionary(pa.int32(), field.type) if field.type in _TEXTS else field.type
    if field.name not in part.schema.names:
        return pa.chunked_array([pa.nulls(part.num_rows, kind)])
    column = part[field.name]
    return column if column.type == kind else column.cast(field.type).cast(kind)


@contextmanager
def _opened(path: Path, layout: pa.Schema | None = None) -> Iterator[pq.ParquetFile]:
    """Open a fragment. layout: columns that will be read; their texts are read as dictionaries, which hold each once.

    Raises UserError if the columns are large beyond the limits, without reading them.
    """
    if not path.is_file() and path.exists():  # opening a pipe would wait for a writer
        raise _damaged(path)
    texts = [] if layout is None else list(_texts(layout))
    try:
        file = _parquet(path, texts)
    except FileNotFoundError:
        raise
    except _BROKEN:
        raise _damaged(path) from None
    with file:
        check_claims(path, file.metadata, () if layout is None else layout.names, texts)
        yield file


def _parquet(path: Path, texts: Sequence[str]) -> pq.ParquetFile:
    """Open a file; the Parquet columns `texts`, as far as it has them, are read as dictionaries."""
    with suppress(KeyError):
        return pq.ParquetFile(str(path), page_checksum_verification=True, read_dictionary=texts)
    there = set(leaves(pq.read_metadata(path)))
    return pq.ParquetFile(str(path), page_checksum_verification=True, read_dictionary=there.intersection(texts))


def _texts(layout: pa.Schema) -> Iterator[str]:
    """The Parquet columns in which a layout has texts."""
    for field in layout:
        if field.type in _TEXTS:
            yield field.name
        elif pa.types.is_map(field.type):
            yield f"{field.name}.key_value.key"


def _damaged(path: Path) -> UserError:
    return UserError(
        f"{path}: is not a manifest of this toolkit, or is damaged; move it away and run the command again"
    )


def _footer(path: Path, file: pq.ParquetFile) -> bytes:
    """The JSON of the provenance, once it has been checked."""
    text = (file.metadata.metadata or {}).get(FOOTER_KEY, b"")
    try:
        wrong = _fault_of_footer(text)
    except _BROKEN:
        raise _damaged(path) from None
    if wrong:
        raise UserError(f"{path}: {wrong}")
    return text


@lru_cache(8)  # the fragments of a run have one footer
def _fault_of_footer(text: bytes) -> str | None:
    footer = json.loads(text, parse_constant=_no_number)
    if wrong := footer_fault(text, footer):
        return f"{wrong}; the file is damaged or not to be trusted, move it away"
    if (version := footer.get("schema_version", 0)) > SCHEMA_VERSION:
        return f"was written by a newer version (schema {version}); upgrade deepaq"
    return None


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
