"""Decoded audio on disk: every file of a data set once, as 16-bit samples at a network's sample rate.

Each file of the cache is named after the checksum and the length of the audio that it holds, so it serves every run
that reads that file at that rate, whatever else the run reads. It appears under its name only when complete.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepaq.audio import Audio, Samples, for_network, resample
from deepaq.audio.stream import mid_of
from manifests.ids import joined_id
from training.data.table import Table

FORMAT = "3"
BLOCK_S = 0.1  # the level is stored per block, so that silence is found without reading samples
_LEVELS_HELD = 4096  # files whose block levels are kept in memory
_SUFFIX = ".pcm"

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Form:
    """Sample rate in Hz and channels of decoded audio: 1 for the mean of the channels, of shape (frames,); 2 for mid
    and side, (frames, 2).

    A file holds a scale (float32), the variance of the mid signal per block (float32) and the samples (int16), which
    times the scale are the signal.
    """

    rate: int
    channels: int = 1

    @property
    def folder(self) -> str:
        return str(self.rate) if self.channels == 1 else f"{self.rate}-mid-side"

    def blocks(self, frames: int) -> int:
        """Return the number of level blocks of a file."""
        return max(1, round(frames / (BLOCK_S * self.rate)))

    def samples_at(self, frames: int, start: int = 0) -> int:
        """Return the byte at which sample `start` of a file lies."""
        return 4 + 4 * self.blocks(frames) + 2 * self.channels * start

    def size(self, frames: int) -> int:
        """Return the size of a file in bytes."""
        return self.samples_at(frames, frames)

    def mixed(self, audio: Audio) -> Samples:
        """Convert decoded audio to this form."""
        return resample(for_network(audio.samples, self.channels), audio.sample_rate, self.rate)


def file_of(folder: Path, form: Form, key: str) -> Path:
    """Return the path of the cached file with that key."""
    return folder / form.folder / key[:2] / f"{key}{_SUFFIX}"


def encoded(form: Form, samples: Samples) -> bytes:
    """Return the content of a cache file: (frames,) or (frames, 2) samples with their scale and block levels."""
    peak = float(np.abs(samples).max(initial=0.0))
    scale = peak / 32767 if peak else 1.0
    blocks = np.array_split(mid_of(samples).astype(np.float64), form.blocks(len(samples)))
    levels = [np.var(block) if len(block) else 0 for block in blocks]
    head = np.array([scale, *levels], "<f4")
    return head.tobytes() + np.rint(samples / np.float32(scale)).astype("<i2").tobytes()


@dataclass(frozen=True)
class Item:
    """A file to decode. frames: length at the cache's rate; shorter audio is padded, longer audio cut."""

    key: str
    frames: int
    path: str
    sha256: str


class Cache:
    """Decoded audio of a table's rows.

    keys, frames: per row, name of its file and length at the cache's rate. rate: in Hz.
    """

    def __init__(
        self, folder: Path, form: Form, keys: Sequence[str], frames: npt.NDArray[np.int64], only_mid: bool = False
    ) -> None:
        self.folder, self.form, self.keys, self._frames = folder, form, keys, frames
        self.rate = form.rate
        self._only_mid = only_mid

    @classmethod
    def of(cls, table: Table, form: Form, folder: Path, only_mid: bool = False) -> Cache:
        """Return the audio of a table's rows in `folder`, which need not be there yet; `only_mid`: mono, or the mid
        signal alone, (frames,)."""
        frames = frames_of(table, form)
        ids = zip(frames.tolist(), table.sha256.tolist(), strict=True)
        keys = [joined_id(FORMAT, str(form.rate), str(count), str(sha256)) for count, sha256 in ids]
        return cls(folder, form, keys, frames, only_mid and form.channels == 2)

    @cached_property
    def present(self) -> npt.NDArray[np.bool_]:
        """Tell per row, (rows,), whether its file is there in its full size; looked up once."""
        sizes = cached_sizes(self.folder / self.form.folder)
        lengths = {count: self.form.size(count) for count in np.unique(self._frames).tolist()}
        pairs = zip(self.keys, self._frames.tolist(), strict=True)
        return np.array([sizes.get(key) == lengths[count] for key, count in pairs], bool)

    def missing(self, table: Table) -> list[Item]:
        """Return the files of the rows of `table` that are not there, each once."""
        rows = np.flatnonzero(~self.present).tolist()
        items = {self.keys[row]: (self.frames(row), str(table.path[row]), str(table.sha256[row])) for row in rows}
        return [Item(key, *entry) for key, entry in items.items()]

    def frames(self, row: int) -> int:
        """Return a row's length."""
        return int(self._frames[row])

    def samples(self, row: int, start: int = 0, frames: int | None = None) -> Samples:
        """Return (frames,) or (frames, 2) float32 samples of a row from `start` on, up to its end by default."""
        path, total = self._path(row), self.frames(row)
        count = max(0, total - start if frames is None else min(frames, total - start))
        with path.open("rb") as file:
            scale = np.fromfile(file, "<f4", 1)[0]
            file.seek(self.form.samples_at(total, start))
            found = np.fromfile(file, "<i2", count * self.form.channels)
        samples = found if self.form.channels == 1 else found.reshape(-1, self.form.channels)
        scaled: Samples = (samples[:, 0] if self._only_mid else samples) * scale
        return scaled

    def audible(self, row: int, start: int, frames: int, threshold: float) -> bool:
        """Tell whether both halves of a segment have a variance of at least `threshold`, judged by whole blocks."""
        total = self.frames(row)
        levels = _levels(self._path(row), self.form.blocks(total))
        per_block = total / len(levels)
        middle = start + frames / 2
        for begin, end in ((start, middle), (middle, start + frames)):
            first, last = math.ceil(begin / per_block), int(end / per_block)
            inside = levels[first:last] if last > first else levels[int(begin / per_block) :][:1]
            if inside.mean() < threshold:
                return False
        return True

    def _path(self, row: int) -> Path:
        return file_of(self.folder, self.form, self.keys[row])


@lru_cache(_LEVELS_HELD)
def _levels(path: Path, blocks: int) -> Float32:
    return np.fromfile(path, "<f4", blocks, offset=4)


def cached_sizes(folder: Path) -> dict[str, int]:
    """Return key -> bytes of the cache files in a form's folder."""
    if not folder.is_dir():
        return {}
    return {
        entry.name.removesuffix(_SUFFIX): entry.stat().st_size
        for place in os.scandir(folder)
        if place.is_dir()
        for entry in os.scandir(place)
        if entry.name.endswith(_SUFFIX)
    }


def frames_of(table: Table, form: Form) -> npt.NDArray[np.int64]:
    """Return the length of every row's clip, (rows,), at the form's rate."""
    return np.rint(table.seconds * form.rate).astype(np.int64)
