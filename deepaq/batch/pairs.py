"""Pairs of reference and degraded file: named singly, matched in folders, or read from a list."""

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
COLUMNS = ("reference", "degraded")


def named(sounds: Sequence[Path]) -> tuple[list[Pair], list[str]]:
    """Return the pairs of REFERENCE DEGRADED..., and a line for every file without a counterpart or empty folder.

    Each of DEGRADED may be a folder: with a folder as the reference, files match by their path without suffix; with a
    file as the reference, every audio file in it is degraded audio. `-` reads degraded paths from stdin.
    """
    reference, *degraded = sounds
    if not degraded:
        raise UserError(
            f"{reference}: one file is not enough; also name degraded files, or use --against or --no-reference"
        )
    pairs: list[Pair] = []
    lost: list[str] = []
    for path in degraded:
        if _is_folder(reference):
            found, missing = _folders(reference, path)
            pairs += found
            lost += missing
        else:
            files, missing = _files(path)
            pairs += [(reference, file) for file in files]
            lost += missing
    if not pairs:
        raise UserError(f"{reference}: nothing to compare with it" + (f" ({lost[0]})" if lost else ""))
    return pairs, lost


def degraded_only(sounds: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """Return the named files, those in named folders and with `-` those listed on stdin; a line for an empty folder."""
    found: list[Path] = []
    lost: list[str] = []
    for path in sounds:
        files, missing = _files(path)
        found += files
        lost += missing
    if not found:
        raise UserError("no audio files were named" + (f" ({lost[0]})" if lost else ""))
    return found, lost


def by_name(folder: Path) -> dict[str, Path]:
    """Return the audio files below a folder by their path without suffix; UserError if two share a name."""
    if not _is_folder(folder):
        raise UserError(f"{folder}: is no folder")
    found: dict[str, Path] = {}
    for path in audio_below(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise UserError(f"{path}: {found[name]} has the same name; leave one of them there")
        found[name] = path
    if not found:
        raise UserError(f"{folder}: holds no audio files")
    return found


def listed(source: str) -> list[Pair]:
    """Read the pairs of a CSV file, `-` for stdin: columns reference and degraded, paths relative to its folder."""
    if source == "-":
        return _rows(sys.stdin, "stdin", Path())
    path = Path(source)
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            return _rows(file, source, path.parent)
    except OSError as error:
        raise UserError(f"--pairs {source}: cannot be read ({reason(error)})") from None


def _files(path: Path) -> tuple[list[Path], list[str]]:
    if path == Path("-"):
        lines = [Path(line) for line in _lines(sys.stdin)]
        return lines, [] if lines else ["stdin: lists no files"]
    if not _is_folder(path):
        return [path], []
    files = audio_below(path)
    return files, [] if files else [f"{path}: holds no audio files"]


def _rows(file: TextIO, name: str, folder: Path) -> list[Pair]:
    reader = csv.DictReader(_unmarked(file), skipinitialspace=True)
    try:
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        return _pairs(reader, name, folder)
    except csv.Error as error:
        raise UserError(f"--pairs {name}: line {reader.line_num} is not CSV ({error})") from None


def _pairs(reader: csv.DictReader[str], name: str, folder: Path) -> list[Pair]:
    _check_columns(list(reader.fieldnames or ()), name)
    pairs = []
    for row in reader:
        if not (row["reference"] and row["degraded"]):
            raise UserError(f"--pairs {name}: line {reader.line_num} lacks a path")
        pairs.append((folder / row["reference"], folder / row["degraded"]))
    if not pairs:
        raise UserError(f"--pairs {name}: lists no pairs")
    return pairs


def _check_columns(found: Sequence[str], name: str) -> None:
    if set(COLUMNS) <= set(found):
        return
    first = ",".join(found)
    for delimiter, called in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if delimiter in first:
            raise UserError(f"--pairs {name}: its columns are separated by {called}; separate them by commas")
    says = f"its first line is {first[:80]!r}" if first else "it is empty"
    if "\0" in first:
        says = "it looks like UTF-16; save it as UTF-8"
    raise UserError(f"--pairs {name}: {says}; the first line must name the columns reference and degraded")


def _folders(references: Path, degraded: Path) -> tuple[list[Pair], list[str]]:
    if not _is_folder(degraded):
        raise UserError(f"{degraded}: is not a folder, but {references} is one; name two folders or two files")
    clean: dict[Path, list[Path]] = {}
    for path in audio_below(references):
        clean.setdefault(path.relative_to(references).with_suffix(""), []).append(path)
    files = audio_below(degraded)
    pairs: list[Pair] = []
    lost = [] if files else [f"{degraded}: holds no audio files"]
    unmatched = set(clean)
    for path in files:
        name = path.relative_to(degraded).with_suffix("")
        unmatched.discard(name)
        match clean.get(name, []):
            case [reference]:
                pairs.append((reference, path))
            case []:
                lost.append(f"{path}: {references} holds no file of that name{_similar(name, clean)}")
            case [first, second, *_]:
                lost.append(f"{path}: {first} and {second} both match; keep one of them")
    if files:
        lost += [f"{clean[name][0]}: {degraded} holds no file of that name" for name in sorted(unmatched)]
    return pairs, lost


def _similar(name: Path, clean: dict[Path, list[Path]]) -> str:
    """A hint for names that differ only by an ending, as in `guitar_96k`, or by upper and lower case."""
    begins = [path for path in clean if path.parent == name.parent and name.name.lower().startswith(path.name.lower())]
    if not begins:
        return ""
    nearest = clean[max(begins, key=lambda path: len(path.name))][0]
    return f", only {nearest.name}; for names that differ, list the pairs in a CSV file and give it to --pairs"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # such as a name that is too long; reported when the file is read
        return False


def _lines(file: TextIO) -> list[str]:
    return [line.rstrip("\r\n") for line in _unmarked(file) if line.strip()]


def _unmarked(file: TextIO) -> Iterator[str]:
    """Yield lines, without the byte order mark that some programs put first."""
    return (line.removeprefix("\ufeff") if number == 0 else line for number, line in enumerate(file))
