"""Slakh2100, as released and as Slakh2100-redux: `TrackNNNNN/mix.flac` in folders named after the splits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prep.tracks.corpora.corpus import Corpus, Source, folders

PARTS = ("train", "validation", "test")  # `omitted` (redux) holds duplicates


class Slakh(Corpus):
    name = "slakh"
    title = "Slakh2100"
    licence = "CC BY 4.0"

    def recognises(self, root: Path) -> bool:
        return any(any((root / part).glob("Track*/mix.*")) for part in PARTS)

    def sources(self, root: Path) -> Iterator[Source]:
        for part in PARTS:
            for folder in folders(root / part) if (root / part).is_dir() else []:
                mix = next((path for path in sorted(folder.glob("mix.*")) if path.suffix in {".flac", ".wav"}), None)
                yield self.source(f"{part}/{folder.name}", [mix or folder / "mix.flac"], part)


SLAKH = Slakh()
