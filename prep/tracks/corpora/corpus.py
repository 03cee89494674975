"""A corpus: a known layout of files on disk, and the tracks in it."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from deepaq.errors import UserError
from deepaq.files import printable
from manifests.split import TEST, TRAIN, VALID

_SPLITS = {"train": TRAIN, "training": TRAIN, "validation": VALID, "valid": VALID, "test": TEST}
BY_FILES = "repair it, or read the files as they lie with --corpus folder"


@dataclass(frozen=True)
class Source:
    """The files of one track.

    name: readable, such as artist - title. parts: the files whose sum it is, mostly one. split: train, valid or test if
    the corpus says so. corpus: registered name.
    """

    name: str
    parts: tuple[Path, ...]
    split: str | None
    corpus: str


class Corpus(ABC):
    """A layout of folders.

    name: as in --corpus. title: the corpus's own name. licence: of its audio, as its makers state it.
    """

    name: str
    title: str
    licence: str

    @abstractmethod
    def recognises(self, root: Path) -> bool:
        """Return True when the folder has this layout, told by a few names in it."""

    @abstractmethod
    def sources(self, root: Path) -> Iterator[Source]:
        """Find the tracks, in a stable order; UserError when the layout is broken."""

    def source(self, name: str, parts: list[Path], split: str | None = None, table: Path | None = None) -> Source:
        """Make a source of this corpus; UserError for a split that is none.

        split: in the corpus's own words. table: where it was read.
        """
        if split and split not in _SPLITS:
            raise UserError(f"{table or parts[0]}: has no split {split!r}, only {', '.join(_SPLITS)}; {BY_FILES}")
        return Source(printable(name), tuple(parts), _SPLITS[split] if split else None, self.name)


def inside(root: Path, relative: str | Path, table: Path) -> Path:
    """The file below `root` that a table names; UserError when it lies outside."""
    path = Path(relative)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in str(path):
        raise UserError(f"{table}: names {str(relative)!r}, which is no file below {root}; {BY_FILES}")
    return root / path


def is_file(path: Path) -> bool:
    """True for a file; False also for a name that is too long for any."""
    try:
        return path.is_file()
    except OSError:
        return False


def folders(root: Path) -> list[Path]:
    """The folders directly in `root`, sorted, hidden ones left out."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def table(path: Path, columns: Collection[str], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a text table with a header; UserError when it cannot be read or a row lacks one of the columns."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file, delimiter=delimiter)
            for row in rows:
                if lacking := ", ".join(name for name in columns if row.get(name) is None):
                    raise UserError(f"{path}: line {rows.line_num} has no {lacking}; {BY_FILES}")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a table ({error}); {BY_FILES}") from None
