"""MoisesDB: a folder per source with `data.json` and stems; there is no mixture, so the stems are summed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from deepaq.errors import UserError
from deepaq.files import read_json
from prep.tracks.corpora.corpus import BY_FILES, Corpus, Source, inside


class MoisesDb(Corpus):
    name = "moisesdb"
    title = "MoisesDB"
    licence = "CC BY-NC-SA 4.0"

    def recognises(self, root: Path) -> bool:
        """Tell by a description that names stems, because other folders may hold a `data.json` too."""
        first = next(self._descriptions(root), None)
        return first is not None and b'"stems"' in first.read_bytes()

    def sources(self, root: Path) -> Iterator[Source]:
        for path in self._descriptions(root):
            try:
                described = read_json(path)
                parts = [
                    inside(path.parent, f"{stem['stemName']}/{track['id']}.{track['extension']}", path)
                    for stem in described["stems"]
                    for track in stem["tracks"]
                ]
                name = f"{described['artist']} - {described['song']}"
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise UserError(f"{path}: is not a track description of MoisesDB ({error!r}); {BY_FILES}") from None
            if not parts:
                raise UserError(f"{path}: names no stems; {BY_FILES}")
            yield self.source(name, sorted(parts))

    def _descriptions(self, root: Path) -> Iterator[Path]:
        """Yield `data.json` of every track; the root holds providers or is one, perhaps inside the release's folder."""
        for depth in ("*/data.json", "*/*/data.json", "*/*/*/data.json"):
            if found := sorted(root.glob(depth)):
                yield from found
                return


MOISESDB = MoisesDb()
