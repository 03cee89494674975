"""Conditions of a data set as the sides of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepaq.comparison.files import Degraded, Originals
from deepaq.errors import UserError
from manifests import schema
from manifests.dataset import Dataset
from manifests.report.rows import track_names

Row = Mapping[str, Any]


def sides(dataset: Dataset, wanted: Sequence[str]) -> tuple[Originals, list[Degraded]]:
    """The clean clips and the degraded clips of each of `wanted`: CODEC@KBPS or the name of a condition.

    #ID, the beginning of a condition's id, may follow to tell builds of one codec apart. A clip without a row, with a
    failed one, or with a file that is missing or damaged is a problem of its side. Clips that none of `wanted` degraded
    are left out. Raises UserError for a side that the data set does not have.
    """
    columns = ["reference_id", "condition_id", "condition", "codec", "bitrate_kbps", "encoder", "path", "sha256"]
    rows = dataset.degraded([*columns, "error"]).to_pylist()
    chosen = [_rows(dataset, rows, name) for name in wanted]
    used = {row["reference_id"] for mine in chosen for row in mine}
    clips = [row for row in dataset.references(["track_id", "track_path", "path", "sha256"]).to_pylist()
             if row["reference_id"] in used and row["status"] == schema.OK]  # fmt: skip
    tracks = track_names(dataset, clips)
    names = {row["reference_id"]: f"{tracks[row['track_id']]}/{row['reference_id']}" for row in clips}
    files = {names[row["reference_id"]]: dataset.verified(row["path"], row["sha256"]) for row in clips}
    originals = Originals(files, {names[row["reference_id"]]: row["track_id"] for row in clips})
    return originals, [_side(dataset, name, mine, names) for name, mine in zip(wanted, chosen, strict=True)]


def _side(dataset: Dataset, side: str, rows: Sequence[Row], names: Mapping[str, str]) -> Degraded:
    found = Degraded(side, files := {})
    for row in rows:
        name = names.get(row["reference_id"])
        if name is None:
            continue
        if row["status"] != schema.OK:
            found.problems.append(f"{side}: {name} is {row['status']} ({row['error']})")
            continue
        try:
            files[name] = dataset.verified(row["path"], row["sha256"])
        except UserError as error:
            found.problems.append(f"{side}: {error}")
    there = {row["reference_id"] for row in rows}
    if lacking := [name for clip, name in names.items() if clip not in there]:
        found.problems.append(f"{side}: has no clip for {len(lacking)} of {len(names)}, such as {lacking[0]}")
    return found


def _rows(dataset: Dataset, rows: Sequence[Row], side: str) -> list[Row]:
    """The rows of a side, which are of one condition."""
    name, _, begins = side.partition("#")
    codec, _, kbps = name.rpartition("@")
    found = [
        row
        for row in rows
        if (row["condition"] == name or (row["codec"] == codec and _is(row["bitrate_kbps"], kbps)))
        and row["condition_id"].startswith(begins)
    ]
    builds = {row["condition_id"]: row["encoder"] or row["condition"] for row in found}
    if not builds:
        known = {f"{row['codec']}@{row['bitrate_kbps']:g}" if row["codec"] and row["bitrate_kbps"] is not None
                 else row["condition"] for row in rows}  # fmt: skip
        raise UserError(f"{dataset.root}: has no {side}; it has {', '.join(sorted(known)) or 'no degraded clips'}")
    if len(builds) > 1:
        listed = ", ".join(f"{name}#{key[:8]} ({encoder})" for key, encoder in sorted(builds.items()))
        raise UserError(f"{dataset.root}: {side} was made by several encoders or settings; name one of {listed}")
    return found


def _is(bitrate: float | None, kbps: str) -> bool:
    try:
        return bitrate is not None and float(kbps) == bitrate
    except ValueError:
        return False
