"""MedleyDB V1 and V2: `Artist_Title/Artist_Title_MIX.wav` beside folders of stems and raw tracks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prep.tracks.corpora.corpus import Corpus, Source


class MedleyDb(Corpus):
    name = "medleydb"
    title = "MedleyDB"
    licence = "CC BY-NC-SA 4.0"

    def recognises(self, root: Path) -> bool:
        return any(self._mixes(root))

    def sources(self, root: Path) -> Iterator[Source]:
        for path in self._mixes(root):
            artist, _, title = path.parent.name.partition("_")
            yield self.source(f"{artist} - {title}", [path])

    def _mixes(self, root: Path) -> list[Path]:
        """Find the mixes; the root holds the tracks, `Audio`, or the releases `V1` and `V2`."""
        found: set[Path] = set()
        for depth in ("*", "Audio/*", "V[12]/*", "*/Audio/*", "Audio/V[12]/*"):
            found |= {path for path in root.glob(f"{depth}/*_MIX.wav") if path.name == f"{path.parent.name}_MIX.wav"}
        return sorted(found)


MEDLEYDB = MedleyDb()
