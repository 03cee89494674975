"""What is exported: every good clip with its good versions and what their raters say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from deepaq.files import partial_prefix, sync
from manifests import schema
from manifests.dataset import Dataset

REFERENCE_COLUMNS = (
    "reference_id", "track_id", "split", "start_s", "frames", "sample_rate", "channels", "loudness_lufs",
    "bandwidth_hz", "path",
)  # fmt: skip
DEGRADED_COLUMNS = (
    "degraded_id", "reference_id", "condition_id", "condition", "codec", "bitrate_kbps", "encoder", "arguments",
    "actual_kbps", "lag_samples", "test", "item", "content", "role", "path",
)  # fmt: skip
SHARD_BYTES = 500_000_000


@dataclass(frozen=True)
class Clip:
    """reference: its row. versions: the rows of its degraded versions, each with `labels`: a list of rater, value
    and scale."""

    reference: dict[str, Any]
    versions: tuple[dict[str, Any], ...]


def clips(dataset: Dataset) -> Iterator[Clip]:
    """Every clip that is ok, by split and id; its versions by condition. Failed rows have no sound and are left out."""
    labels = defaultdict(list)
    for row in dataset.labels(columns=["value", "scale"]).to_pylist():
        if row["status"] == schema.OK:
            labels[row["degraded_id"]].append({name: row[name] for name in ("rater", "value", "scale")})
    versions = defaultdict(list)
    for row in dataset.degraded(DEGRADED_COLUMNS).to_pylist():
        if row.pop("status") == schema.OK:
            mine = sorted(labels[row["degraded_id"]], key=lambda label: label["rater"])
            versions[row["reference_id"]].append(row | {"labels": mine})
    rows = [row for row in dataset.references(REFERENCE_COLUMNS).to_pylist() if row.pop("status") == schema.OK]
    if not rows:
        raise UserError(f"{dataset.root}: holds no clip that is ok, there is nothing to export")
    for row in sorted(rows, key=lambda row: (row["split"], row["reference_id"])):
        yield Clip(row, tuple(sorted(versions[row["reference_id"]], key=lambda v: (v["condition"], v["degraded_id"]))))


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out` that becomes `out` when the block ends well; UserError when `out` is there."""
    import shutil

    if out.exists():
        raise UserError(f"{out}: exists already; name a new folder or remove it")
    partial = out.with_name(f"{partial_prefix()}{out.name}")
    partial.mkdir(parents=True)
    try:
        yield partial
        for path in partial.rglob("*"):
            sync(path)
        partial.rename(out)
        sync(out.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def sound(dataset: Dataset, row: dict[str, Any]) -> bytes:
    """The bytes of a row's file; UserError when it is missing."""
    path = dataset.path(row["path"])
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: is missing; `manifests check {dataset.root}` lists all that is") from None
