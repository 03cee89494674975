"""Any folder: every audio file is a track, except the stems of a mixture beside or above them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from deepaq.audio import blocks, is_silent, to_mono
from deepaq.audio.align import similarity
from deepaq.audio.container import SUFFIXES, reason
from deepaq.audio.decode import probe
from deepaq.console import note
from deepaq.errors import UserError
from deepaq.files import audio_below
from manifests.dataset import is_dataset
from prep.tracks.corpora.corpus import Corpus, Source

_MIXTURES = {"mix", "mixture", "mixdown", "fullmix", "full mix"}
_SAME_LENGTH_S = 0.5  # largest difference in length between a stem and its mixture
_ALIKE = 0.2  # least correlation of a mixture with the sum of its stems, which need not have its gains and effects
_LIKELY = 0.5  # share of the other files that must be as long as a mixture to count as stems
_UNREAD = frozenset(
    {".dsf", ".dff", ".ape", ".mpc", ".shn", ".ofr", ".tak", ".dts", ".dtshd", ".thd", ".mlp", ".ra", ".rm", ".amr"}
    | {
        ".aifc",
        ".spx",
        ".sd2",
        ".at3",
        ".aa3",
        ".oma",
        ".voc",
        ".m4b",
        ".weba",
        ".flv",
        ".mp1",
        ".mpa",
        ".mid",
        ".midi",
    }
)  # other audio suffixes, which are skipped


class Folder(Corpus):
    name = "folder"
    title = "any folder"
    licence = "the user's own"

    def recognises(self, root: Path) -> bool:
        return True

    def sources(self, root: Path) -> Iterator[Source]:
        """Skip hidden files and folders and what a data set holds; follow symbolic links, but not in circles."""
        visited: set[tuple[int, int]] = set()
        stems = 0
        unread: Counter[str] = Counter()
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
            unread.update(path.suffix.lower() for path in paths if path.suffix.lower() in _UNREAD - SUFFIXES)
            paths = [path for path in paths if path.suffix.lower() in SUFFIXES]
            if mixtures := [path for path in paths if _is_mixture(path)]:
                others = [path for path in audio_below(Path(where)) if path not in mixtures]
                if _are_stems(others, mixtures):
                    stems += len(others)
                    paths = mixtures
                    folders.clear()
            for path in paths:
                yield self.source(path.relative_to(root).with_suffix("").as_posix(), [path])
        if stems:
            note(
                f"{root}: {stems} files beside or below a mixture (mix.wav and the like) and as long as it are left "
                "out as its stems; name files to take them"
            )
        if unread:
            kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(unread.items()))
            note(f"{root}: skipped files of kinds that are not read ({kinds}); convert them, for example to FLAC")


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be searched ({reason(error)}); fix this, or name other folders")


def _is_mixture(path: Path) -> bool:
    """Tell if a file is a mixture: mixture.wav and the like, or MedleyDB's Title/Title_MIX.wav."""
    return path.stem.lower() in _MIXTURES or path.stem.lower() == f"{path.parent.name}_mix".lower()


def _are_stems(others: Sequence[Path], mixtures: Sequence[Path]) -> bool:
    """Tell if most of the other files are as long as a mixture and add up to it; tracks of an album do neither."""
    for mixture in mixtures:
        length = _seconds(mixture)
        same = [path for path in others if length and abs((_seconds(path) or 0.0) - length) <= _SAME_LENGTH_S]
        if same and len(same) >= _LIKELY * len(others) and _sum_up(same, mixture):
            return True
    return False


def _sum_up(parts: Sequence[Path], mixture: Path) -> bool:
    """Tell if the sum of the beginnings of the parts resembles that of the mixture; also if one of them is silent."""
    whole = to_mono(next(blocks(mixture)).samples)
    total = np.zeros_like(whole)
    for path in parts:
        with suppress(UserError):  # reported when it is read as a track
            part = to_mono(next(blocks(path)).samples)[: len(whole)]
            total[: len(part)] += part
    return is_silent(whole) or is_silent(total) or similarity(whole, total) > _ALIKE


def _seconds(path: Path) -> float | None:
    try:
        return probe(path).seconds
    except UserError:
        return None


FOLDER = Folder()
