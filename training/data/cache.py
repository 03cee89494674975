"""Audio decoded once: every version of a clip as 16-bit samples at a network's rate, mapped into memory.

A file holds all versions of one clip and is named after their checksums, so that it serves every run that wants
exactly these, and never one that wants others. It appears under its name when it is whole.
"""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepaq.audio import Audio, Samples, fit, for_network, read, resample
from deepaq.audio.stream import mid_of
from deepaq.backbones.backbone import Backbone
from deepaq.console import note
from deepaq.errors import UserError
from deepaq.files import committed
from manifests import jobs
from manifests.dataset import Dataset
from manifests.ids import joined_id
from manifests.jobs import Counts
from manifests.storage import sweep
from training.data.table import Table

FORMAT = "2"
BLOCK_S = 0.1  # loudness is noted per block, so that silence can be found without reading
_HEADER = 1024  # bytes a file may need beside its samples, generously
_OPEN = 4096  # files mapped at a time
_BATCH = 4  # clips per job

Int16 = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Form:
    """rate: in Hz. channels: 1 for the mean of the channels, (frames,); 2 for mid and side, (frames, 2)."""

    rate: int
    channels: int = 1

    @classmethod
    def of(cls, network: Backbone) -> Form:
        """What a network listens to."""
        return cls(network.sample_rate, network.channels)

    def layout(self, frames: int) -> np.dtype[np.void]:
        """A version: samples x scale is the signal; levels are the variances of its blocks, of the mid signal."""
        blocks = max(1, round(frames / (BLOCK_S * self.rate)))
        shape = (frames,) if self.channels == 1 else (frames, self.channels)
        return np.dtype([("scale", "<f4"), ("levels", "<f4", (blocks,)), ("samples", "<i2", shape)])

    def mixed(self, audio: Audio) -> Samples:
        """A file in this form."""
        return resample(for_network(audio.samples, self.channels), audio.sample_rate, self.rate)


@dataclass(frozen=True)
class Clip:
    """One file of the cache: the versions of a clip in the order of their rows.

    frames: of every version, at the cache's rate; shorter audio is padded, longer cut.
    """

    key: str
    frames: int
    paths: tuple[str, ...]
    sha256: tuple[str, ...]


def file_of(folder: Path, form: Form, key: str) -> Path:
    """Where the clip of that key lies."""
    kind = str(form.rate) if form.channels == 1 else f"{form.rate}-mid-side"
    return folder / kind / key[:2] / f"{key}.npy"


@lru_cache(_OPEN)
def _mapped(path: Path, form: Form, frames: int, versions: int) -> npt.NDArray[np.void]:
    found: npt.NDArray[np.void] = np.load(path, mmap_mode="r", allow_pickle=False)
    if found.dtype != form.layout(frames) or found.shape != (versions,):
        raise ValueError("holds something else")
    return found


def _whole(path: Path, form: Form, clip: Clip) -> bool:
    try:
        _mapped(path, form, clip.frames, len(clip.paths))
    except (OSError, ValueError):
        return False
    return True


@dataclass(frozen=True)
class Decode:
    """Picklable: decodes a batch of clips and commits a file for each; what cannot be read is counted and named."""

    root: Path
    folder: Path
    form: Form

    def __call__(self, batch: Sequence[Clip]) -> Counts:
        dataset = Dataset(self.root)
        counts: Counts = Counter()
        for clip in batch:
            try:
                self._write(dataset, clip)
                counts["ok"] += 1
            except UserError as error:
                counts["failed"] += 1
                counts[f"error: {error}"] += 1
        return counts

    def _write(self, dataset: Dataset, clip: Clip) -> None:
        found = np.zeros(len(clip.paths), self.form.layout(clip.frames))
        for place, (relative, sha256) in enumerate(zip(clip.paths, clip.sha256, strict=True)):
            samples = fit(self.form.mixed(read(dataset.verified(relative, sha256))), clip.frames)
            peak = float(np.abs(samples).max(initial=0.0))
            scale = peak / 32767 if peak else 1.0
            found[place]["scale"] = scale
            found[place]["samples"] = np.rint(samples / scale)
            blocks = np.array_split(mid_of(samples).astype(np.float64), found.dtype["levels"].shape[0])
            found[place]["levels"] = [np.var(block) if len(block) else 0 for block in blocks]
        with committed(file_of(self.folder, self.form, clip.key)) as partial, partial.open("wb") as file:
            np.save(file, found, allow_pickle=False)


class Cache:
    """The audio of a table's rows. rate: of the samples, in Hz."""

    def __init__(
        self,
        folder: Path,
        form: Form,
        clips: Sequence[Clip],
        places: Sequence[tuple[int, int]],
        only_mid: bool = False,
    ) -> None:
        self.folder, self.form, self._clips, self._places = folder, form, clips, places
        self.rate = form.rate
        self._only_mid = only_mid

    def mid(self) -> Cache:
        """The same rows, of which only the mid signal, (frames,), is given."""
        return Cache(self.folder, self.form, self._clips, self._places, self.form.channels == 2)

    def frames(self, row: int) -> int:
        """How long a row is."""
        return self._clips[self._places[row][0]].frames

    def samples(self, row: int, start: int = 0, frames: int | None = None) -> Samples:
        """(frames,) or (frames, 2) float32 samples of a row from `start` on, to the end when `frames` is None."""
        version = self._version(row)
        cut: Int16 = version["samples"][start : None if frames is None else start + frames]
        return (cut[:, 0] if self._only_mid else cut) * version["scale"]

    def audible(self, row: int, start: int, frames: int, threshold: float) -> bool:
        """Whether both halves of a segment have a variance of at least `threshold`, by the blocks that lie in them."""
        levels = self._version(row)["levels"]
        per_block = self.frames(row) / len(levels)
        middle = start + frames / 2
        for begin, end in ((start, middle), (middle, start + frames)):
            first, last = math.ceil(begin / per_block), int(end / per_block)
            inside = levels[first:last] if last > first else levels[int(begin / per_block) :][:1]
            if inside.mean() < threshold:
                return False
        return True

    def _version(self, row: int) -> np.void:
        number, place = self._places[row]
        clip = self._clips[number]
        path = file_of(self.folder, self.form, clip.key)
        version: np.void = _mapped(path, self.form, clip.frames, len(clip.paths))[place]
        return version


def fill(dataset: Dataset, table: Table, form: Form, folder: Path, workers: int, quiet: bool = False) -> Cache:
    """Decode what `folder` does not hold yet and return the audio of all rows.

    workers: processes. UserError when the disk is too full, before anything is written, or when some file
    cannot be read, after everything else was; run again, it does only what is left.
    """
    clips, places = _clips(table, form)
    missing = [clip for clip in clips if not _whole(file_of(folder, form, clip.key), form, clip)]
    if missing:
        _check_space(folder, form, missing, quiet)
        sweep(folder)
        batches = jobs.batched(missing, _BATCH)
        counts = jobs.run(Decode(dataset.root, folder, form), batches, jobs=workers, label="decode", quiet=quiet)
        _mapped.cache_clear()
        errors = [name.removeprefix("error: ") for name in counts if name.startswith("error: ")]
        if errors:
            raise UserError(f"{errors[0]} ({counts['failed']} clips of {dataset.root} cannot be used)")
    return Cache(folder, form, clips, places)


def _clips(table: Table, form: Form) -> tuple[list[Clip], list[tuple[int, int]]]:
    """The files of a table's rows, and per row its file and place in it."""
    order = np.lexsort((table.row_id, table.clip))
    clips: list[Clip] = []
    places = [(0, 0)] * len(table)
    _, starts = np.unique(table.clip[order], return_index=True)
    for rows in np.split(order, starts[1:]):
        frames = round(float(table.seconds[rows[0]]) * form.rate)
        sha256 = tuple(str(text) for text in table.sha256[rows])
        key = joined_id(FORMAT, str(form.rate), str(frames), *sha256)
        for place, row in enumerate(rows.tolist()):
            places[row] = (len(clips), place)
        clips.append(Clip(key, frames, tuple(str(text) for text in table.path[rows]), sha256))
    return clips, places


def predicted_bytes(form: Form, clips: Sequence[Clip]) -> int:
    """What files of these clips take on the disk."""
    return sum(len(clip.paths) * form.layout(clip.frames).itemsize + _HEADER for clip in clips)


def _check_space(folder: Path, form: Form, clips: Sequence[Clip], quiet: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = predicted_bytes(form, clips), shutil.disk_usage(folder).free
    if needed > 0.95 * free:
        raise UserError(
            f"{folder}: decoded audio would take {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free;"
            " name a folder on another disk with --cache"
        )
    if not quiet:
        note(f"decoding {len(clips)} clips into {folder}: {needed / 1e9:.2f} GB of {free / 1e9:.1f} GB free")
