"""Training data as columns: clean and degraded clips of a data set with their labels."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset
from manifests.ids import joined_id
from manifests.split import VALID
from training.data import scale, teachers
from training.settings import Data

Column = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
CLEAN_CODEC, NO_CODEC = "clean", ""


@dataclass(frozen=True)
class Table:
    """Columns of equal length, one row per file; the clean clips are rows too.

    row_id: reference_id or degraded_id. path: relative to the data set. sha256: of that file. clip: number of the
    reference. codec: `clean`, a codec's name, or empty for a distortion without one. bitrate: kbps, infinite for clean,
    NaN without codec. mos: the label. mix: the ratings behind it, None for clean clips. seconds: length of the clean
    clip. valid: held out. track: track_id of the track that the
    clip was cut from.
    """

    row_id: Column
    path: Column
    sha256: Column
    clip: npt.NDArray[np.int64]
    codec: Column
    condition: Column
    bitrate: npt.NDArray[np.float64]
    mos: npt.NDArray[np.float64]
    mix: npt.NDArray[np.object_]
    seconds: npt.NDArray[np.float64]
    valid: Mask
    track: Column

    def __len__(self) -> int:
        return len(self.clip)

    @cached_property
    def clean(self) -> Mask:
        """Rows of clean clips, (rows,)."""
        found: Mask = self.codec == CLEAN_CODEC
        return found

    @cached_property
    def coded(self) -> Mask:
        """Rows with a codec, (rows,)."""
        found: Mask = ~self.clean & (self.codec != NO_CODEC)
        return found

    def by_clip(self, chosen: Mask | None = None) -> dict[int, Rows]:
        """Return clip -> its rows, both ascending; only rows at which `chosen`, (rows,), is True."""
        rows = np.arange(len(self)) if chosen is None else np.flatnonzero(chosen)
        rows = rows[np.argsort(self.clip[rows], kind="stable")]
        clips, starts = np.unique(self.clip[rows], return_index=True)
        return dict(zip(clips.tolist(), np.split(rows, starts[1:]), strict=True)) if len(rows) else {}

    def mos_at(self, row: int, second: float) -> float:
        """Return the label of a row around a point in time, from the rater's timeline if it gave one."""
        mix: scale.Mix | None = self.mix[row]
        return float(self.mos[row]) if mix is None else mix.at(second)

    def fingerprint(self, *more: str) -> str:
        """Hash rows and labels, and `more`."""
        labels = (f"{name} {mos!r}" for name, mos in zip(self.row_id.tolist(), self.mos.tolist(), strict=True))
        return hashlib.sha256("\n".join([*labels, *more]).encode()).hexdigest()[:24]

    def take(self, chosen: Mask | Rows) -> Table:
        """Return only those rows; clips keep their numbers."""
        return replace(self, **{entry.name: getattr(self, entry.name)[chosen] for entry in fields(self)})


def load(dataset: Dataset, data: Data) -> Table:
    """Load every ok clip that has a clean file and labels by all raters of `data`, whose weighted mean is the label.

    For conditions with teachers the label is averaged with theirs. `data.fold` decides which clips are held out in
    place of the split; `data.share` and `data.without_codecs` thin out the training clips, never those held out. Splits
    that `data.splits` does not name are left out. UserError when a rater has no labels here, or nothing is left to
    train on, or nothing is held out.
    """
    mixes, identity = scale.mixed(dataset, data.raters)
    if data.teachers:
        mixes = teachers.joined(dataset, mixes, data.teachers, identity)
    columns = ["path", "track_id", "split", "sha256", "frames", "sample_rate"]
    references = _ok(dataset.references(columns), "reference_id")
    references = references.filter(pc.is_in(references["split"], value_set=pa.array(list(data.splits), pa.string())))
    count = references.num_rows
    if not count:
        raise UserError(f"{dataset.root}: has no clips in the splits {', '.join(data.splits)}; see data.splits")
    ids, tracks = references["reference_id"].to_pylist(), references["track_id"].to_pylist()
    numbers = {name: number for number, name in enumerate(ids)}
    columns = ["reference_id", "path", "sha256", "codec", "condition", "bitrate_kbps"]
    degraded = _ok(dataset.degraded(columns), "degraded_id")
    pairs = zip(degraded["reference_id"].to_pylist(), degraded["degraded_id"].to_pylist(), strict=True)
    degraded = degraded.filter(pa.array([own in numbers and name in mixes for own, name in pairs], pa.bool_()))
    if not degraded.num_rows:
        raise UserError(f"{dataset.root}: has no labelled clips; run `labels visqol {dataset.root}` first")
    mix = [mixes[name] for name in degraded["degraded_id"].to_pylist()]
    codecs = [CLEAN_CODEC] * count + [codec or NO_CODEC for codec in degraded["codec"].to_pylist()]
    if unknown := set(data.without_codecs) - set(codecs):
        known = ", ".join(sorted(set(codecs) - {CLEAN_CODEC, NO_CODEC}))
        raise UserError(f"{dataset.root}: has no codec {min(unknown)} (data.without_codecs); known here are {known}")
    own = [*range(count), *(numbers[name] for name in degraded["reference_id"].to_pylist())]
    clip = np.array(own, np.int64)
    bitrates = degraded["bitrate_kbps"].to_numpy().astype(np.float64)
    table = Table(
        row_id=_texts(ids, degraded["degraded_id"]),
        path=_texts(references["path"].to_pylist(), degraded["path"]),
        sha256=_texts(references["sha256"].to_pylist(), degraded["sha256"]),
        clip=clip,
        codec=np.array(codecs),
        condition=np.array([CLEAN_CODEC] * count + degraded["condition"].to_pylist()),
        bitrate=np.concatenate([np.full(count, math.inf), bitrates]),
        mos=np.array([identity] * count + [entry.value for entry in mix]),
        mix=_objects([None] * count + mix),
        seconds=(references["frames"].to_numpy() / references["sample_rate"].to_numpy())[clip],
        valid=_held_out(tracks, references["split"].to_pylist(), data.part)[clip],
        track=np.array(tracks)[clip],
    )
    chosen = np.array([_position(name) < data.share for name in ids])[clip]
    without = np.isin(table.codec, list(data.without_codecs))
    table = table.take(table.valid | (chosen & ~without))
    table = table.take(np.isin(table.clip, table.clip[~table.clean]))
    for share, name in ((table.valid, "held out"), (~table.valid, "left to train on")):
        if not share.any():
            hint = "add music of other tracks, or choose what is held out, such as -o data.fold=1/3"
            raise UserError(f"{dataset.root}: no clip is {name}; {hint}")
    return table


def _held_out(tracks: list[str], splits: list[str], part: tuple[int, int] | None) -> Mask:
    """Tell which clips are held out: those of the split, or of every n-th track in an arbitrary, fixed order."""
    if part is None:
        return np.array([split == VALID for split in splits])
    place, parts = part
    order = sorted(set(tracks), key=lambda track: joined_id("fold", track))
    return np.isin(tracks, order[place - 1 :: parts])


def _position(reference_id: str) -> float:
    """Return a clip's place on 0 to 1, from its id alone: a larger share of the data contains every smaller one."""
    return int(joined_id("share", reference_id)[:13], 16) / 16**13


def _ok(rows: pa.Table, key: str) -> pa.Table:
    """Return the ok rows in the order of their ids: batches depend on it, and the order of commits is arbitrary."""
    rows = rows.filter(pc.equal(rows["status"], schema.OK))
    return rows.take(pa.array(np.argsort(_objects(rows[key].to_pylist()), kind="stable")))


def _texts(references: list[str], degraded: pa.ChunkedArray) -> Column:
    return _objects([*references, *degraded.to_pylist()])


def _objects(values: list[Any]) -> npt.NDArray[np.object_]:
    found = np.empty(len(values), object)
    found[:] = values
    return found
