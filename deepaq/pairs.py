"""Which degraded file is held against which reference: named one by one, by folders, in a list."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from deepaq.errors import UserError
from deepaq.files import audio_below

Pair = tuple[Path, Path]


def named(sounds: Sequence[Path]) -> tuple[list[Pair], list[str]]:
    """REFERENCE DEGRADED...: pairs, and a line for every file that has no counterpart.

    Each of DEGRADED may be a folder: with a folder as the reference, files match by their path without suffix; with a
    file as the reference, every audio file in it is a degraded version. `-` reads degraded paths from stdin.
    """
    reference, *degraded = sounds
    if not degraded:
        raise UserError(f"{reference}: one sound is not enough; name degraded versions too, or use --against")
    pairs: list[Pair] = []
    lost: list[str] = []
    for path in degraded:
        if reference.is_dir():
            found, missing = _folders(reference, path)
            pairs += found
            lost += missing
        elif path == Path("-"):
            pairs += [(reference, Path(line)) for line in _lines(sys.stdin)]
        elif path.is_dir():
            pairs += [(reference, file) for file in audio_below(path)]
        else:
            pairs.append((reference, path))
    if not pairs:
        raise UserError(f"{reference}: nothing to hold against it" + (f" ({lost[0]})" if lost else ""))
    return pairs, lost


def degraded_only(sounds: Iterable[Path]) -> list[Path]:
    """Files named, files in folders named, and with `-` those listed on stdin."""
    found: list[Path] = []
    for path in sounds:
        if path == Path("-"):
            found += map(Path, _lines(sys.stdin))
        else:
            found += audio_below(path) if path.is_dir() else [path]
    if not found:
        raise UserError("no audio files were named")
    return found


def listed(source: str) -> list[Pair]:
    """Pairs of a CSV file with columns reference and degraded, `-` for stdin; paths are relative to its folder."""
    if source == "-":
        return _rows(sys.stdin, "stdin", Path())
    path = Path(source)
    try:
        with path.open(newline="") as file:
            return _rows(file, source, path.parent)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--pairs {source}: cannot be read ({getattr(error, 'strerror', None) or error})") from None


def _rows(file: TextIO, name: str, folder: Path) -> list[Pair]:
    reader = csv.DictReader(file)
    columns = {"reference", "degraded"}
    if not columns <= set(reader.fieldnames or ()):
        raise UserError(f"--pairs {name}: its first line must name the columns reference and degraded")
    pairs = []
    for number, row in enumerate(reader, start=2):
        if not (row["reference"] and row["degraded"]):
            raise UserError(f"--pairs {name}: line {number} lacks a path")
        pairs.append((folder / row["reference"], folder / row["degraded"]))
    if not pairs:
        raise UserError(f"--pairs {name}: lists no pairs")
    return pairs


def _folders(references: Path, degraded: Path) -> tuple[list[Pair], list[str]]:
    if not degraded.is_dir():
        raise UserError(f"{degraded}: is no folder, but {references} is one; name two folders or two files")
    clean = {path.relative_to(references).with_suffix(""): path for path in audio_below(references)}
    pairs, lost = [], []
    for path in audio_below(degraded):
        name = path.relative_to(degraded).with_suffix("")
        if name in clean:
            pairs.append((clean[name], path))
        else:
            lost.append(f"{path}: {references} holds no file of that name")
    return pairs, lost


def _lines(file: TextIO) -> list[str]:
    return [line.rstrip("\n") for line in file if line.strip()]
