"""Fragments of a table: Parquet files, committed by appearing under their final name."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from deepaq.errors import UserError
from deepaq.files import PARTIAL, committed
from manifests.schema import SCHEMA_VERSION, TableSpec
from manifests.values import fault, footer_fault

FOOTER_KEY = b"deepaq"
# Limits per fragment, because a small file may claim any number of rows and repeat a long text in all of them.
MOST_ROWS = 50_000_000
MOST_BYTES, MOST_TIMES = 1 << 26, 200  # bytes of a table in memory, in addition to these times the size of its file
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 4}
_READERS, _ATTEMPTS = 4, 5
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
        return _footer(path, file)


def read_fragment(path: Path, layout: pa.Schema) -> pa.Table:
    """One fragment's rows in the wanted columns; optional columns that an old fragment lacks are null.

    Raises UserError when it is damaged, foreign, of a newer version, or holds a value that no row may hold (see
    `manifests.values`), and FileNotFoundError when it is gone.
    """
    return _checked([path], [_read(path, layout)])


def read_folder(folder: Path, layout: pa.Schema) -> pa.Table:
    """All rows of the fragments under `folder`, oldest first, superseded rows included; see `read_fragment`."""
    with ThreadPoolExecutor(_READERS) as pool:
        for attempt in range(_ATTEMPTS):
            try:
                paths = fragments(folder)
                parts = list(pool.map(lambda path: _read(path, layout), paths))
                return _checked(paths, parts) if parts else layout.empty_table()
            except FileNotFoundError:  # merged away by `manifests compact` since it was listed
                if attempt == _ATTEMPTS - 1:
                    raise
    raise AssertionError("the last attempt returns or raises")


def _checked(paths: Sequence[Path], parts: Sequence[pa.Table]) -> pa.Table:
    """All parts as one table; UserError, naming the part's file, for a value that no row may hold."""
    table = pa.concat_tables(parts)
    if "status" in table.schema.names and fault(table):  # once for many parts is cheaper
        path, wrong = next((path, wrong) for path, part in zip(paths, parts, strict=True) if (wrong := fault(part)))
        raise UserError(f"{path}: {wrong}; the file is damaged or not to be trusted, move it away")
    return table


def _read(path: Path, layout: pa.Schema) -> pa.Table:
    with _opened(path, layout) as file:
        _footer(path, file)
        names = set(file.schema_arrow.names)
        for field in layout:
            if field.name not in names and not field.nullable:
                raise UserError(f"{path}: lacks the column {field.name}; it is damaged or foreign, move it away")
        try:
            part = file.read(columns=[name for name in layout.names if name in names], use_threads=False)
            _check_size(path, sum(_text_bytes(column) for column in part.itercolumns()))
            columns = [
                part[field.name].cast(field.type) if field.name in names else pa.nulls(part.num_rows, field.type)
                for field in layout
            ]
            table = pa.table(columns, schema=layout)
            table.validate(full=True)  # finds text that is not UTF-8, in pages without checksums
        except _BROKEN:
            raise _damaged(path) from None
    return table


@contextmanager
def _opened(path: Path, layout: pa.Schema | None = None) -> Iterator[pq.ParquetFile]:
    """Open a fragment. layout: columns that will be read; their texts are read as dictionaries, which hold each once.

    Raises UserError if the columns are large beyond the limits, without reading them.
    """
    if not path.is_file() and path.exists():  # opening a pipe would wait for a writer
        raise _damaged(path)
    try:
        metadata = pq.read_metadata(path)
        texts = _texts(metadata, layout.names) if layout else []
        file = pq.ParquetFile(path, metadata=metadata, page_checksum_verification=True, read_dictionary=texts)
    except FileNotFoundError:
        raise
    except _BROKEN:
        raise _damaged(path) from None
    with file:
        if file.metadata.num_rows > MOST_ROWS:
            raise UserError(f"{path}: claims {file.metadata.num_rows} rows, at most {MOST_ROWS} are read; move it away")
        if layout:
            _check_size(path, _claimed_bytes(metadata, layout.names))
        yield file


def _leaves(metadata: pq.FileMetaData, names: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of the Parquet columns that belong to the columns `names`."""
    for index in range(metadata.num_columns):
        if metadata.schema.column(index).path.partition(".")[0] in names:
            yield index


def _texts(metadata: pq.FileMetaData, names: Sequence[str]) -> list[str]:
    columns = (metadata.schema.column(index) for index in _leaves(metadata, names))
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _claimed_bytes(metadata: pq.FileMetaData, names: Sequence[str]) -> int:
    """Memory of the columns `names`, each text counted once, by what the file says of them."""
    total = 8 * metadata.num_rows * len(names)
    for index in _leaves(metadata, names):
        column = metadata.schema.column(index)
        width = _WIDTHS.get(column.physical_type, column.length)  # FIXED_LEN_BYTE_ARRAY
        chunks = [metadata.row_group(group).column(index) for group in range(metadata.num_row_groups)]
        total += sum(chunk.total_uncompressed_size + width * chunk.num_values for chunk in chunks)
    return total


def _text_bytes(column: pa.ChunkedArray) -> int:
    """Memory of the texts of a column that was read as a dictionary, each counted as often as it occurs."""
    total = 0
    for chunk in column.chunks:
        found = chunk.keys if isinstance(chunk, pa.MapArray) else chunk
        if isinstance(found, pa.DictionaryArray) and len(found):
            lengths = pc.cast(pc.binary_length(found.dictionary), pa.int64())
            total += pc.sum(pc.take(lengths, found.indices)).as_py() or 0
    return total


def _check_size(path: Path, size: int) -> None:
    if size > MOST_BYTES + MOST_TIMES * path.stat().st_size:
        raise UserError(
            f"{path}: its table has {size:,} bytes, too many for a file of {path.stat().st_size:,}; it is not to be"
            " trusted, move it away"
        )


def _damaged(path: Path) -> UserError:
    return UserError(
        f"{path}: is not a manifest of this toolkit, or is damaged; move it away and run the command again"
    )


def _footer(path: Path, file: pq.ParquetFile) -> dict[str, Any]:
    try:
        text = (file.schema_arrow.metadata or {})[FOOTER_KEY]
        footer: dict[str, Any] = json.loads(text, parse_constant=_no_number)
    except _BROKEN:
        raise _damaged(path) from None
    if wrong := footer_fault(text, footer):
        raise UserError(f"{path}: {wrong}; the file is damaged or not to be trusted, move it away")
    if footer.get("schema_version", 0) > SCHEMA_VERSION:
        raise UserError(f"{path}: was written by a newer version (schema {footer['schema_version']}); upgrade deepaq")
    return footer


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
