"""MAESTRO v3: piano performances by year, with a table that names their split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prep.tracks.corpora.corpus import Corpus, Source, inside, table

_COLUMNS = ("canonical_composer", "canonical_title", "split", "audio_filename")


class Maestro(Corpus):
    name = "maestro"
    title = "MAESTRO v3"
    licence = "CC BY-NC-SA 4.0"

    def recognises(self, root: Path) -> bool:
        return any(root.glob("maestro-v3*.csv"))

    def sources(self, root: Path) -> Iterator[Source]:
        for path in sorted(root.glob("maestro-v3*.csv")):
            for row in table(path, _COLUMNS):
                audio = inside(root, row["audio_filename"], path)
                name = f"{row['canonical_composer']} - {row['canonical_title']} ({audio.stem})"
                yield self.source(name, [audio], row["split"], path)


MAESTRO = Maestro()
