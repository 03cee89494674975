"""MTG-Jamendo: `14/214.mp3` or `214.low.mp3`, splits in `splits/split-0/autotagging-*.tsv`. Lossy at its source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prep.tracks.corpora.corpus import Corpus, Source, inside, is_file, table

_METADATA = ("", "data")
_AUDIO = ("", "audio", "raw_30s", "raw_30s/audio", "audio-low", "raw_30s/audio-low", "data/audio")
PARTS = ("train", "validation", "test")


class Jamendo(Corpus):
    name = "jamendo"
    title = "MTG-Jamendo"
    licence = "tracks under their own Creative Commons licences; metadata CC BY-NC-SA 4.0"

    def recognises(self, root: Path) -> bool:
        return any((root / place / "autotagging.tsv").is_file() for place in _METADATA)

    def sources(self, root: Path) -> Iterator[Source]:
        metadata = next(root / place for place in _METADATA if (root / place / "autotagging.tsv").is_file())
        splits = {
            row["TRACK_ID"]: part
            for part in PARTS
            if (path := metadata / "splits" / "split-0" / f"autotagging-{part}.tsv").is_file()
            for row in table(path, ("TRACK_ID",), "\t")
        }
        for row in table(metadata / "autotagging.tsv", ("TRACK_ID", "ARTIST_ID", "PATH"), "\t"):
            relative = inside(Path(), row["PATH"], metadata / "autotagging.tsv")
            found = [
                path
                for place in _AUDIO
                for path in (root / place / relative, (root / place / relative).with_suffix(".low.mp3"))
                if is_file(path)
            ]
            if found:  # the corpus is often incomplete
                yield self.source(f"{row['ARTIST_ID']} - {row['TRACK_ID']}", found[:1], splits.get(row["TRACK_ID"]))


JAMENDO = Jamendo()
