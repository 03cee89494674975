"""FMA (small to full): `000/000002.mp3`, with splits in `fma_metadata/tracks.csv`. Lossy at its source."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from deepaq.errors import UserError
from prep.tracks.corpora.corpus import BY_FILES, Corpus, Source, is_file

_FILES = "[0-9][0-9][0-9]/[0-9][0-9][0-9][0-9][0-9][0-9].mp3"


class Fma(Corpus):
    name = "fma"
    title = "Free Music Archive (FMA)"
    licence = "tracks under their own Creative Commons licences; metadata CC BY 4.0"

    def recognises(self, root: Path) -> bool:
        return any(root.glob(_FILES)) or any(root.glob(f"fma_*/{_FILES}"))

    def sources(self, root: Path) -> Iterator[Source]:
        known: dict[str, tuple[str, str]] = {}
        table = None
        for home in (root, root.parent):
            if is_file(home / "fma_metadata" / "tracks.csv"):
                table = home / "fma_metadata" / "tracks.csv"
                known = _known(table)
                break
        for path in sorted([*root.glob(_FILES), *root.glob(f"fma_*/{_FILES}")]):
            name, split = known.get(str(int(path.stem)), (path.stem, ""))
            yield self.source(name, [path], split or None, table)


def _known(path: Path) -> dict[str, tuple[str, str]]:
    """Read track number -> (artist - title, split) from a table with two header rows of groups and names."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            columns = list(zip(next(rows), next(rows), strict=True))
            artist, title, split = (
                columns.index(name) for name in (("artist", "name"), ("track", "title"), ("set", "split"))
            )
            return {row[0]: (f"{row[artist]} - {row[title]}", row[split]) for row in rows if row and row[0].isdigit()}
    except (OSError, ValueError, StopIteration, IndexError, csv.Error) as error:
        raise UserError(f"{path}: is not a table of FMA tracks ({error}); {BY_FILES}") from None


FMA = Fma()
