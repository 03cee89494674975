"""Non-matching references: clean music as one point, embedded once and cached."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepaq.errors import UserError
from deepaq.files import audio_below, committed, file_sha256

if TYPE_CHECKING:
    from torch import Tensor

CACHE_VARIABLE = "DEEPAQ_CACHE"


@dataclass(frozen=True)
class References:
    """Clean music. centre: (dims,), mean of the sounds' embeddings. count: number of sounds."""

    centre: Tensor
    count: int


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
    import torch

    digest = hashlib.sha256(fingerprint.encode())
    for path in paths:
        digest.update(file_sha256(path).encode())
    try:
        store = _folder() / f"references-{digest.hexdigest()[:32]}.npz"
    except RuntimeError:  # a user without a home directory
        return embed(paths)
    try:
        with np.load(store, allow_pickle=False) as kept:
            return References(torch.from_numpy(kept["centre"]), int(kept["count"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        pass  # missing or damaged: embed again
    made = embed(paths)
    try:
        with committed(store) as partial, partial.open("wb") as file:
            np.savez(file, centre=made.centre.numpy(), count=made.count)
    except OSError:
        pass  # an unwritable cache is not an error
    return made


def _folder() -> Path:
    """DEEPAQ_CACHE, else the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "deepaq"
