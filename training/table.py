"""What there is to train on: clean and degraded clips of a data set with their labels, as columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from manifests.split import VALID

Column = npt.NDArray[np.generic]
CLEAN_CODEC, NO_CODEC = "clean", ""


@dataclass(frozen=True)
class Table:
    """Columns of equal length, one row per clip version; the clean clips are rows too.

    row_id: reference_id or degraded_id. path: relative to the data set. clip: number of the reference. codec: `clean`,
    a codec's name, or empty for a distortion without one. bitrate: kbps, infinite for clean, NaN without codec.
    mos: the label. valid: held out.
    """

    row_id: Column
    path: Column
    clip: npt.NDArray[np.int64]
    codec: Column
    condition: Column
    bitrate: npt.NDArray[np.float64]
    mos: npt.NDArray[np.float64]
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

    def take(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Table:
        """Only those rows; clips keep their numbers."""
        return replace(self, **{entry.name: getattr(self, entry.name)[chosen] for entry in fields(self)})


def load(dataset: Dataset, raters: Mapping[str, float]) -> Table:
    """Every ok clip that has a clean file and labels by all `raters`; the label is their weighted mean.

    raters: name -> weight. UserError when a rater has no labels here, or nothing is left, or nothing is held out.
    """
    values = _labels(dataset, raters)
    identity = sum(weight * identity_value(dataset, name) for name, weight in raters.items()) / sum(raters.values())
    references = _ok(dataset.references(["path", "split"]).to_pylist())
    clips = {row["reference_id"]: number for number, row in enumerate(references)}
    valid = [row["split"] == VALID for row in references]
    rows = [
        (row["reference_id"], row["path"], clip, CLEAN_CODEC, CLEAN_CODEC, math.inf, identity)
        for clip, row in enumerate(references)
    ]
    for row in _ok(dataset.degraded(["reference_id", "path", "codec", "condition", "bitrate_kbps"]).to_pylist()):
        if row["reference_id"] in clips and row["degraded_id"] in values:
            bitrate = math.nan if row["bitrate_kbps"] is None else row["bitrate_kbps"]
            codec = row["codec"] or NO_CODEC
            rows.append(
                (row["degraded_id"], row["path"], clips[row["reference_id"]], codec, row["condition"], bitrate,
                 values[row["degraded_id"]])
            )  # fmt: skip
    columns: list[Any] = [np.array(column) for column in zip(*rows, strict=True)] if rows else []
    if not columns or len(rows) == len(references):
        raise UserError(f"{dataset.root}: has no labelled clips; run `labels visqol {dataset.root}` first")
    names = [entry.name for entry in fields(Table)]
    table = Table(**dict(zip(names, [*columns, np.array(valid)[columns[2]]], strict=True)))
    labelled = np.isin(table.clip, table.clip[~table.clean])
    table = table.take(labelled)
    for share, name in ((table.valid, "held out"), (~table.valid, "left to train on")):
        if not share.any():
            raise UserError(f"{dataset.root}: no clip is {name}; add music of other tracks, or see `manifests split`")
    return table


def identity_value(dataset: Dataset, rater: str) -> float:
    """What `rater` gives a clip against itself, from the provenance of its labels."""
    found = fragments(dataset.folder(schema.LABELS, rater))
    if not found:
        raise UserError(f"{dataset.root}: has no labels by {rater}; run `labels rate {dataset.root} --rater {rater}`")
    value = read_footer(found[0]).get("settings", {}).get("identity")
    if value is None:
        raise UserError(f"{found[0]}: does not say what {rater} gives a clip against itself; label again")
    return float(value)


def _labels(dataset: Dataset, raters: Mapping[str, float]) -> dict[str, float]:
    """degraded_id -> weighted mean, of the versions that all raters could rate."""
    if not raters or sum(raters.values()) <= 0:
        raise UserError("recipe: data.raters names no rater with a positive weight")
    sums: dict[str, float] = {}
    for number, (name, weight) in enumerate(raters.items()):
        rows = _ok(dataset.labels(name, ["value"]).to_pylist())
        found = {row["degraded_id"]: weight * row["value"] / sum(raters.values()) for row in rows}
        sums = found if number == 0 else {key: sums[key] + found[key] for key in sums.keys() & found.keys()}
    return sums


def _ok(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["status"] == schema.OK]
