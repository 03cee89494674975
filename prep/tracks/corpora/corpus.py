"""What a corpus is: a known layout of files on disk, and the sources in it."""

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
BY_FILES = "mend it, or read the files as they lie with --corpus folder"


@dataclass(frozen=True)
class Source:
    """A recording.

    name: readable, such as artist - title. parts: the files whose sum it is, mostly one. split: train, valid or test
    where the corpus says so. corpus: registered name.
    """

    name: str
    parts: tuple[Path, ...]
    split: str | None
    corpus: str


class Corpus(ABC):
    """A layout. name: as in --corpus. title: the corpus's own name. licence: of its audio, as its makers state it."""

    name: str
    title: str
    licence: str

    @abstractmethod
    def recognises(self, root: Path) -> bool:
        """Whether the folder has this layout, told by a few names in it."""

    @abstractmethod
    def sources(self, root: Path) -> Iterator[Source]:
        """The sources, in a stable order; UserError when the layout is broken."""

    def source(self, name: str, parts: list[Path], split: str | None = None) -> Source:
        """A source of this corpus; `split` in the corpus's own words."""
        return Source(printable(name), tuple(parts), _SPLITS[split] if split else None, self.name)


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
