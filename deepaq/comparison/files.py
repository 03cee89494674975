"""The files of a comparison: the originals, and what the sides made of them, in folders or in CSV lists."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from deepaq.batch.pairs import by_name, listed
from deepaq.errors import UserError

LIST = ".csv"


@dataclass(frozen=True)
class Originals:
    """Original files by name. tracks: by name, the track of each; files of one track are not independent."""

    files: Mapping[str, Path]
    tracks: Mapping[str, str]


@dataclass(frozen=True)
class Degraded:
    """The degraded files of a side by the name of their original. problems: a line for every file that is missing."""

    name: str
    files: Mapping[str, Path]
    problems: list[str] = field(default_factory=list)


def originals(path: Path) -> Originals:
    """Read the originals: the audio files below a folder, or those in the column reference of a CSV list.

    They are named by their path without suffix, relative to the folder that holds all of them. The files of one folder
    below that are one track; files that lie directly in it are a track each. UserError when there are none.
    """
    files = _by_path(path, {pair[0] for pair in listed(str(path))}) if _is_list(path) else by_name(path)
    return Originals(files, {name: _track(name) for name in files})


def degraded(path: Path, clean: Originals) -> Degraded:
    """Read a side: a folder of files with the names of the originals, or a CSV list of reference and degraded."""
    if _is_list(path):
        return _listed_side(path, clean)
    files = by_name(path)
    problems = [f"{path}: holds no file for {name}" for name in clean.files if name not in files]
    problems += [f"{file}: no original has its name" for name, file in files.items() if name not in clean.files]
    return Degraded(path.name or str(path), {name: files[name] for name in clean.files if name in files}, problems)


def _listed_side(path: Path, clean: Originals) -> Degraded:
    names = {file.resolve(): name for name, file in clean.files.items()}
    files: dict[str, Path] = {}
    problems = []
    for reference, file in listed(str(path)):
        name = names.get(reference.resolve())
        if name is None:
            problems.append(f"{path}: {reference} is none of the originals")
        elif name in files:
            raise UserError(f"{path}: lists {files[name]} and {file} for {reference}; leave one of them there")
        else:
            files[name] = file
    problems += [f"{path}: lists no file for {name}" for name in clean.files if name not in files]
    return Degraded(path.stem, {name: files[name] for name in clean.files if name in files}, problems)


def _is_list(path: Path) -> bool:
    return path.suffix.lower() == LIST and not path.is_dir()


def _by_path(source: Path, files: Iterable[Path]) -> dict[str, Path]:
    files = sorted(files)
    try:
        below = Path(os.path.commonpath([file.absolute().parent for file in files]))
    except ValueError:  # no common folder, on Windows
        raise UserError(f"{source}: lists files on several drives; put them on one") from None
    found: dict[str, Path] = {}
    for file in files:
        name = file.absolute().relative_to(below).with_suffix("").as_posix()
        if name in found:
            raise UserError(f"{source}: {found[name]} and {file} differ by their suffix only; leave one of them there")
        found[name] = file
    return found


def _track(name: str) -> str:
    folder = PurePosixPath(name).parent.as_posix()
    return name if folder == "." else folder
