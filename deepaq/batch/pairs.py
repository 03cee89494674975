"""Which degraded file is held against which reference: named one by one, by folders, in a list."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from deepaq.audio.container import reason
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
        if _is_folder(reference):
            found, missing = _folders(reference, path)
            pairs += found
            lost += missing
        elif path == Path("-"):
            pairs += [(reference, Path(line)) for line in _lines(sys.stdin)]
        elif _is_folder(path):
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
            found += audio_below(path) if _is_folder(path) else [path]
    if not found:
        raise UserError("no audio files were named")
    return found


def listed(source: str) -> list[Pair]:
    """Pairs of a CSV file with columns reference and degraded, `-` for stdin; paths are relative to its folder."""
    if source == "-":
        return _rows(sys.stdin, "stdin", Path())
    path = Path(source)
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            return _rows(file, source, path.parent)
    except OSError as error:
        raise UserError(f"--pairs {source}: cannot be read ({reason(error)})") from None


def _rows(file: TextIO, name: str, folder: Path) -> list[Pair]:
    reader = csv.DictReader(_unmarked(file))
    try:
        return _pairs(reader, name, folder)
    except csv.Error as error:
        raise UserError(f"--pairs {name}: line {reader.line_num} is no CSV ({error})") from None


def _pairs(reader: csv.DictReader[str], name: str, folder: Path) -> list[Pair]:
    columns = {"reference", "degraded"}
    if not columns <= set(reader.fieldnames or ()):
        raise UserError(f"--pairs {name}: its first line must name the columns reference and degraded")
    pairs = []
    for row in reader:
        if not (row["reference"] and row["degraded"]):
            raise UserError(f"--pairs {name}: line {reader.line_num} lacks a path")
        pairs.append((folder / row["reference"], folder / row["degraded"]))
    if not pairs:
        raise UserError(f"--pairs {name}: lists no pairs")
    return pairs


def _folders(references: Path, degraded: Path) -> tuple[list[Pair], list[str]]:
    if not degraded.is_dir():
        raise UserError(f"{degraded}: is no folder, but {references} is one; name two folders or two files")
    clean: dict[Path, list[Path]] = {}
    for path in audio_below(references):
        clean.setdefault(path.relative_to(references).with_suffix(""), []).append(path)
    pairs, lost = [], []
    unmatched = set(clean)
    for path in audio_below(degraded):
        name = path.relative_to(degraded).with_suffix("")
        unmatched.discard(name)
        match clean.get(name, []):
            case [reference]:
                pairs.append((reference, path))
            case []:
                lost.append(f"{path}: {references} holds no file of that name")
            case [first, second, *_]:
                lost.append(f"{path}: {first} and {second} both have its name; leave one of them there")
    lost += [f"{clean[name][0]}: {degraded} holds no version of it" for name in sorted(unmatched)]
    return pairs, lost


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # too long a name, say: what is wrong is said where it is read
        return False


def _lines(file: TextIO) -> list[str]:
    return [line.rstrip("\r\n") for line in _unmarked(file) if line.strip()]


def _unmarked(file: TextIO) -> Iterator[str]:
    """Lines without the mark that some programs put before the first."""
    return (line.removeprefix("\ufeff") if number == 0 else line for number, line in enumerate(file))
