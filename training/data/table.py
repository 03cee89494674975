"""What there is to train on: clean and degraded clips of a data set with their labels, as columns."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset
from manifests.ids import joined_id
from manifests.split import VALID
from training.data import scale, teachers
from training.settings import Data

Column = npt.NDArray[np.generic]
CLEAN_CODEC, NO_CODEC = "clean", ""


@dataclass(frozen=True)
class Table:
    """Columns of equal length, one row per clip version; the clean clips are rows too.

    row_id: reference_id or degraded_id. path: relative to the data set. sha256: of that file. clip: number of the
    reference. codec: `clean`, a codec's name, or empty for a distortion without one. bitrate: kbps, infinite for clean,
    NaN without codec. mos: the label. mix: what it was made of, None for clean clips. seconds: length of the clean
    clip. valid: held out.
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
    valid: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.clip)

    @property
    def clean(self) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.codec == CLEAN_CODEC
        return found

    @property
    def coded(self) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = ~self.clean & (self.codec != NO_CODEC)
        return found

    def mos_at(self, row: int, second: float) -> float:
        """The label of a row around a point in time, where a rater gave labels over time; else of the whole."""
        mix: scale.Mix | None = self.mix[row]
        return float(self.mos[row]) if mix is None else mix.at(second)

    def fingerprint(self, *more: str) -> str:
        """Of the rows and their labels, and of what `more` there is to them."""
        labels = (f"{name} {mos!r}" for name, mos in zip(self.row_id.tolist(), self.mos.tolist(), strict=True))
        return hashlib.sha256("\n".join([*labels, *more]).encode()).hexdigest()[:24]

    def take(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Table:
        """Only those rows; clips keep their numbers."""
        return replace(self, **{entry.name: getattr(self, entry.name)[chosen] for entry in fields(self)})


def load(dataset: Dataset, data: Data) -> Table:
    """Every ok clip that has a clean file and labels by all raters of `data`; the label is their weighted mean, for
    conditions with further teachers averaged with theirs.

    `data.fold` decides what is held out in place of the split; `data.share` and `data.without_codecs` thin out what is
    trained on, never what is held out. Splits that `data.splits` does not name are left to others. UserError when a
    rater has no labels here, or nothing is left to train on, or nothing is held out.
    """
    mixes, identity = scale.mixed(dataset, data.raters)
    mixes = teachers.joined(dataset, mixes, data.teachers, identity)
    columns = ["path", "track_id", "split", "sha256", "frames", "sample_rate"]
    references = [row for row in _ok(dataset.references(columns), "reference_id") if row["split"] in data.splits]
    if not references:
        raise UserError(f"{dataset.root}: has no clips in the splits {', '.join(data.splits)}; see data.splits")
    clips = {row["reference_id"]: number for number, row in enumerate(references)}
    seconds = [row["frames"] / row["sample_rate"] for row in references]
    rows: list[tuple[Any, ...]] = [
        (row["reference_id"], row["path"], row["sha256"], clip, CLEAN_CODEC, CLEAN_CODEC, math.inf, identity, None)
        for clip, row in enumerate(references)
    ]
    columns = ["reference_id", "path", "sha256", "codec", "condition", "bitrate_kbps"]
    for row in _ok(dataset.degraded(columns), "degraded_id"):
        if row["reference_id"] in clips and row["degraded_id"] in mixes:
            bitrate = math.nan if row["bitrate_kbps"] is None else row["bitrate_kbps"]
            clip, codec = clips[row["reference_id"]], row["codec"] or NO_CODEC
            kind = codec, row["condition"], bitrate
            mix = mixes[row["degraded_id"]]
            rows.append((row["degraded_id"], row["path"], row["sha256"], clip, *kind, mix.value, mix))
    if len(rows) == len(references):
        raise UserError(f"{dataset.root}: has no labelled clips; run `labels visqol {dataset.root}` first")
    if unknown := set(data.without_codecs) - {row[4] for row in rows}:
        known = ", ".join(sorted({row[4] for row in rows} - {CLEAN_CODEC, NO_CODEC}))
        raise UserError(f"{dataset.root}: has no codec {min(unknown)} (data.without_codecs); known here are {known}")
    found: list[Any] = [np.array(column) for column in zip(*rows, strict=True)]
    clip = found[3]
    valid = _held_out(references, data.part)[clip]
    names = [entry.name for entry in fields(Table)]
    table = Table(**dict(zip(names, [*found, np.array(seconds)[clip], valid], strict=True)))
    chosen = np.array([_position(row["reference_id"]) < data.share for row in references])[clip]
    without = np.isin(table.codec, list(data.without_codecs))
    table = table.take(table.valid | (chosen & ~without))
    table = table.take(np.isin(table.clip, table.clip[~table.clean]))
    for share, name in ((table.valid, "held out"), (~table.valid, "left to train on")):
        if not share.any():
            hint = "add music of other songs, or choose what is held out, such as -o data.fold=1/3"
            raise UserError(f"{dataset.root}: no clip is {name}; {hint}")
    return table


def _held_out(references: list[dict[str, Any]], part: tuple[int, int] | None) -> npt.NDArray[np.bool_]:
    """Which clips are held out: those of the split, or of every n-th song in an order that has no meaning."""
    if part is None:
        return np.array([row["split"] == VALID for row in references])
    place, parts = part
    songs = sorted({row["track_id"] for row in references}, key=lambda song: joined_id("fold", song))
    return np.isin([row["track_id"] for row in references], songs[place - 1 :: parts])


def _position(reference_id: str) -> float:
    """A clip's place on 0 to 1, from its id alone: a larger share of the data contains every smaller one."""
    return int(joined_id("share", reference_id)[:13], 16) / 16**13


def _ok(rows: pa.Table, key: str) -> list[dict[str, Any]]:
    """In the order of their ids: batches depend on the order, and that of their commits is an accident."""
    found = (row for row in rows.to_pylist() if row["status"] == schema.OK)
    return sorted(found, key=lambda row: str(row[key]))
