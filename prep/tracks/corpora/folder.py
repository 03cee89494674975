"""Any folder: every audio file is a source, but stems are left out where their mixture lies beside or above them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from deepaq.audio.container import SUFFIXES, reason
from deepaq.console import note
from deepaq.errors import UserError
from deepaq.files import audio_below
from manifests.dataset import is_dataset
from prep.tracks.corpora.corpus import Corpus, Source

_MIXTURES = {"mix", "mixture", "mixdown", "fullmix", "full mix"}


class Folder(Corpus):
    name = "folder"
    title = "any folder"
    licence = "the user's own"

    def recognises(self, root: Path) -> bool:
        return True

    def sources(self, root: Path) -> Iterator[Source]:
        """Hidden files and folders and what a data set holds are left out, symbolic links followed, loops not."""
        visited: set[tuple[int, int]] = set()
        stems = 0
        for where, folders, names in os.walk(root, onerror=_refuse, followlinks=True):
            status = os.stat(where)  # noqa: PTH116 - os.walk gives strings
            if (status.st_dev, status.st_ino) in visited:
                folders.clear()
                continue
            visited.add((status.st_dev, status.st_ino))
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if "audio" in folders and is_dataset(Path(where)):
                folders.remove("audio")
            paths = [Path(where, name) for name in sorted(names) if not name.startswith(".")]
            paths = [path for path in paths if path.suffix.lower() in SUFFIXES]
            if mixtures := [path for path in paths if _is_mixture(path)]:
                stems += len(audio_below(Path(where))) - len(mixtures)
                paths = mixtures
                folders.clear()
            for path in paths:
                yield self.source(str(path.relative_to(root).with_suffix("")), [path])
        if stems:
            note(f"{root}: {stems} files beside or below a mixture (mix.wav and the like) are left out as its stems")


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be searched ({reason(error)}); mend that, or name other folders")


def _is_mixture(path: Path) -> bool:
    """mixture.wav and the like, or as MedleyDB has it, Source/Song_MIX.wav."""
    return path.stem.lower() in _MIXTURES or path.stem.lower() == f"{path.parent.name}_mix".lower()
