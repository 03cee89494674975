"""Limits on the memory that the table of a fragment takes.

A small file may claim any number of rows and repeat a long text in all of them.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from deepaq.errors import UserError

MOST_ROWS = 50_000_000
MOST_BYTES, MOST_TIMES = 1 << 26, 200  # bytes of a table in memory, in addition to these times the size of its file
_TEXT = "BYTE_ARRAY"
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8, _TEXT: 4}


def leaves(metadata: pq.FileMetaData) -> list[str]:
    """Paths of the Parquet columns of a file, such as `extras.key_value.key`."""
    return [metadata.schema.column(index).path for index in range(metadata.num_columns)]


def check_claims(path: Path, metadata: pq.FileMetaData, names: Collection[str], dictionaries: Collection[str]) -> None:
    """Raise UserError if the columns `names` are too large by what the file says of them, before they are read.

    Each text counts once. dictionaries: Parquet columns that will be read as dictionaries, which hold each text once;
    texts elsewhere are refused, too.
    """
    rows, groups = metadata.num_rows, range(metadata.num_row_groups)
    if rows > MOST_ROWS:
        raise UserError(f"{path}: claims {rows} rows, at most {MOST_ROWS} are read; move it away")
    size = 8 * rows * len(names)
    for index in range(metadata.num_columns):
        column = metadata.schema.column(index)
        if column.path.partition(".")[0] in names:
            kind = column.physical_type
            if kind == _TEXT and column.path not in dictionaries:
                raise UserError(f"{path}: holds texts in {column.path}; it is damaged or foreign, move it away")
            width = _WIDTHS.get(kind, column.length)  # FIXED_LEN_BYTE_ARRAY
            chunks = [metadata.row_group(group).column(index) for group in groups]
            size += sum(chunk.total_uncompressed_size + width * chunk.num_values for chunk in chunks)
    _check(path, size)


def check_texts(path: Path, table: pa.Table) -> None:
    """Raise UserError if texts that were read as dictionaries are too large, each counted as often as it occurs."""
    chunks = (chunk for column in table.itercolumns() for chunk in column.chunks)
    texts = [chunk.keys if isinstance(chunk, pa.MapArray) else chunk for chunk in chunks]
    texts = [text for text in texts if isinstance(text, pa.DictionaryArray)]
    if sum(text.dictionary.get_total_buffer_size() * len(text) for text in texts) > MOST_BYTES:
        _check(path, sum(map(_bytes, texts)))


def _bytes(texts: pa.DictionaryArray) -> int:
    lengths = pc.cast(pc.binary_length(texts.dictionary), pa.int64())
    return pc.sum(pc.take(lengths, texts.indices)).as_py() or 0


def _check(path: Path, size: int) -> None:
    if size > MOST_BYTES and size > MOST_BYTES + MOST_TIMES * (there := path.stat().st_size):
        raise UserError(
            f"{path}: its table has {size:,} bytes, too many for a file of {there:,}; it is not to be trusted, move it"
            " away"
        )
