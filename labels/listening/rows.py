"""Rows of a CSV table of ratings, as written by spreadsheets and test software."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from deepaq.errors import UserError
from labels.listening.files import content

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def rows(
    path: Path, columns: Sequence[str], numbers: Sequence[str] = (), aliases: Mapping[str, str] | None = None
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a CSV file, each with its place for messages ("results.csv line 7").

    columns: names that the first line must contain. numbers: columns in which a decimal comma is allowed, unless commas
    delimit. aliases: other names of columns, used if the file lacks the column itself. Text is UTF-8, or UTF-16 with a
    byte order mark. The delimiter is the comma, semicolon or tab with which the columns are found, or the one named by
    a first line such as `sep=;`.

    Raises UserError if a column is missing or the file is not text.
    """
    text, skipped = _text(path), 0
    delimiter = ""
    if named := re.match(r'sep=([^"\r\n])\r?\n', text):
        delimiter, skipped, text = named[1], 1, text[named.end() :]
    first = next(iter(text.splitlines()), "")
    try:
        delimiter = delimiter or max(DELIMITERS, key=lambda mark: len(_header(first, mark, aliases) & set(columns)))
        table = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        names = [name.strip() for name in table.fieldnames or ()]
        table.fieldnames = [_alias(name, names, aliases) for name in names]
        if missing := [name for name in columns if name not in table.fieldnames]:
            raise UserError(
                f"{path}: lacks the column {missing[0]}; its first line must name {', '.join(columns)}, delimited by "
                f"commas, semicolons or tabs, and reads {first[:80]!r}"
            )
        for row in table:
            cells = {key: value or "" for key, value in row.items() if key}
            if delimiter != ",":
                for name in numbers:
                    if _DECIMAL_COMMA.fullmatch(cells.get(name, "").strip()):
                        cells[name] = cells[name].replace(",", ".")
            yield f"{path.name} line {table.line_num + skipped}", cells
    except csv.Error as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from None


def header(path: Path) -> str:
    """The first line of a table of ratings that is not `sep=`; empty if the file is not text."""
    try:
        lines = [line for line in _text(path).splitlines()[:2] if not line.startswith("sep=")]
    except UserError:
        return ""
    return lines[0] if lines else ""


def number(text: str) -> float | None:
    """Parse a finite number; None if `text` is not one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _text(path: Path) -> str:
    data = content(path)
    encoding = "utf-16" if data.startswith(_UTF16) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: cannot be read as text ({error}); save it as UTF-8") from None


def _header(line: str, delimiter: str, aliases: Mapping[str, str] | None) -> set[str]:
    names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    return {_alias(name, names, aliases) for name in names}


def _alias(name: str, names: Sequence[str], aliases: Mapping[str, str] | None) -> str:
    other = (aliases or {}).get(name, name)
    return name if other in names else other
