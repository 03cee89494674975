"""Corpora: known layouts of files on disk, and the tracks in them."""

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

    name: readable, such as artist - title. parts: the files to sum, usually one. split: train, valid or test, if the
    corpus states it. corpus: registered name.
    """

    name: str
    parts: tuple[Path, ...]
    split: str | None
    corpus: str


class Corpus(ABC):
    """A layout of folders.

    name: as in --corpus. title: official name. licence: licence of the audio, as stated by its makers.
    """

    name: str
    title: str
    licence: str

    @abstractmethod
    def recognises(self, root: Path) -> bool:
        """Tell if the folder has this layout, by a few names in it."""

    @abstractmethod
    def sources(self, root: Path) -> Iterator[Source]:
        """Yield the tracks in a stable order; raises UserError if the layout is broken."""

    def source(self, name: str, parts: list[Path], split: str | None = None, table: Path | None = None) -> Source:
        """Make a source of this corpus; raises UserError for an unknown split.

        split: in the corpus's own terms. table: the file that it was read from.
        """
        if split and split not in _SPLITS:
            raise UserError(f"{table or parts[0]}: has no split {split!r}, only {', '.join(_SPLITS)}; {BY_FILES}")
        return Source(printable(name), tuple(parts), _SPLITS[split] if split else None, self.name)


def inside(root: Path, relative: str | Path, table: Path) -> Path:
    """Resolve a file named by a table; raises UserError if it is outside `root`."""
    path = Path(relative)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in str(path):
        raise UserError(f"{table}: names {str(relative)!r}, which is not a file below {root}; {BY_FILES}")
    return root / path


def is_file(path: Path) -> bool:
    """Tell if `path` is a file; False also for names that are too long."""
    try:
        return path.is_file()
    except OSError:
        return False


def folders(root: Path) -> list[Path]:
    """List the folders directly in `root`, sorted, without hidden ones."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def table(path: Path, columns: Collection[str], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Yield the rows of a text table with a header; raises UserError if it is unreadable or a column is missing."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file, delimiter=delimiter)
            for row in rows:
                if lacking := ", ".join(name for name in columns if row.get(name) is None):
                    raise UserError(f"{path}: line {rows.line_num} has no {lacking}; {BY_FILES}")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a table ({error}); {BY_FILES}") from None
