"""Non-matching references: clean music as one point, embedded once and cached."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepaq.core.comparator import Values
from deepaq.errors import UserError
from deepaq.files import audio_below, committed, file_sha256

CACHE_VARIABLE = "DEEPAQ_CACHE"


@dataclass(frozen=True)
class References:
    """Clean music. centre: (dims,), mean of the sounds' embeddings. count: number of sounds. music: what they are."""

    centre: Values
    count: int
    music: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {"centre": self.centre.tolist(), "count": self.count, "music": self.music}


def from_json(content: dict[str, Any]) -> References:
    """Make references from a field of `model.json`; ValueError for anything that `to_json` does not give."""
    centre, count, music = (content.get(name) for name in ("centre", "count", "music"))
    if not isinstance(centre, list) or not all(type(value) in (int, float) and abs(value) < 1e6 for value in centre):
        raise ValueError("clean.centre is not a list of numbers")
    if type(count) is not int or not 0 < count < 1 << 31 or not isinstance(music, str):
        raise ValueError("clean.count is not a number of sounds, or clean.music no text")
    return References(np.array(centre, np.float32), count, music)


def find(folder: Path, largest: int | None = None) -> list[Path]:
    """Find the audio files below `folder`, at most `largest` of them evenly chosen by name."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of clean music")
    paths = audio_below(folder)
    if not paths:
        raise UserError(f"{folder}: holds no audio files")
    if largest and largest < len(paths):
        paths = [paths[index * len(paths) // largest] for index in range(largest)]
    return paths


def cached(paths: Sequence[Path], fingerprint: str, embed: Callable[[Sequence[Path]], References]) -> References:
    """Return the output of `embed` for the files' contents, cached per machine and model fingerprint."""
    digest = hashlib.sha256(fingerprint.encode())
    for path in paths:
        digest.update(file_sha256(path).encode())
    try:
        store = _folder() / f"references-{digest.hexdigest()[:32]}.npz"
    except RuntimeError:  # a user without a home directory
        return embed(paths)
    try:
        with np.load(store, allow_pickle=False) as kept:
            return References(kept["centre"], int(kept["count"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        pass  # missing or damaged: embed again
    made = embed(paths)
    try:
        with committed(store) as partial, partial.open("wb") as file:
            np.savez(file, centre=made.centre, count=made.count)
    except OSError:
        pass  # an unwritable cache is not an error
    return made


def _folder() -> Path:
    """DEEPAQ_CACHE, else the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "deepaq"
