"""Find the music that the user named: files, and folders searched through."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from deepaq.audio import LOSSY, SUFFIXES
from deepaq.errors import UserError


def find_music(arguments: Iterable[Path]) -> list[Path]:
    """The audio files among `arguments` and below them, sorted, each once.

    A folder gives its files with an audio suffix (hidden ones left out, symbolic links followed, loops not); a file
    that is named itself is taken whatever its name. UserError for what does not exist and when nothing is found.
    """
    found: dict[Path, None] = {}
    for argument in arguments:
        if argument.is_dir():
            found.update(dict.fromkeys(_below(argument)))
        elif argument.exists():
            found[argument] = None
        else:
            raise UserError(f"{argument}: no such file or folder")
    if not found:
        raise UserError(f"no audio files found; known suffixes are {' '.join(sorted(SUFFIXES))}")
    return list(found)


def is_lossy(path: Path) -> bool:
    """True when the file's suffix says that it was coded before."""
    return path.suffix.lower() in LOSSY


def _below(folder: Path) -> list[Path]:
    files = []
    visited: set[tuple[int, int]] = set()
    for where, folders, names in os.walk(folder, followlinks=True):
        status = os.stat(where)  # noqa: PTH116 - os.walk gives strings
        if (status.st_dev, status.st_ino) in visited:
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(where, name) for name in sorted(names) if not name.startswith(".")]
    return [path for path in files if path.suffix.lower() in SUFFIXES]
