"""Any folder: every audio file is a song, but stems are left out where their mixture lies beside or above them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from deepaq.container import SUFFIXES
from prep.corpora.corpus import Corpus, Song

_MIXTURES = {"mix", "mixture", "mixdown", "fullmix", "full mix"}


class Folder(Corpus):
    name = "folder"
    title = "any folder"
    licence = "the user's own"

    def recognises(self, root: Path) -> bool:
        return True

    def songs(self, root: Path) -> Iterator[Song]:
        """Hidden files and folders are left out, symbolic links followed, loops not."""
        visited: set[tuple[int, int]] = set()
        for where, folders, names in os.walk(root, followlinks=True):
            status = os.stat(where)  # noqa: PTH116 - os.walk gives strings
            if (status.st_dev, status.st_ino) in visited:
                folders.clear()
                continue
            visited.add((status.st_dev, status.st_ino))
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            paths = [Path(where, name) for name in sorted(names) if not name.startswith(".")]
            paths = [path for path in paths if path.suffix.lower() in SUFFIXES]
            if mixtures := [path for path in paths if _is_mixture(path)]:
                paths = mixtures
                folders.clear()
            for path in paths:
                yield self.song(str(path.relative_to(root).with_suffix("")), [path])


def _is_mixture(path: Path) -> bool:
    """mixture.wav and the like, or as MedleyDB has it, Song/Song_MIX.wav."""
    return path.stem.lower() in _MIXTURES or path.stem.lower() == f"{path.parent.name}_mix".lower()
