"""Clips to export: every `ok` reference with its `ok` degraded clips and their ratings."""

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
    """A row of the references with its degraded clips.

    versions: rows of the degraded clips, each with `labels`, a list of {rater, value, scale}.
    """

    reference: dict[str, Any]
    versions: tuple[dict[str, Any], ...]


def clips(dataset: Dataset) -> Iterator[Clip]:
    """Yield the `ok` references by split and id, their degraded clips by condition; failed rows have no audio.

    Raises UserError when there is none.
    """
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
        raise UserError(f"{dataset.root}: holds no clip that is ok; there is nothing to export")
    for row in sorted(rows, key=lambda row: (row["split"], row["reference_id"])):
        yield Clip(row, tuple(sorted(versions[row["reference_id"]], key=lambda v: (v["condition"], v["degraded_id"]))))


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a temporary folder and rename it to `out` when the block succeeds; UserError if `out` exists."""
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
    """Read the bytes of a row's file; UserError when it is missing."""
    path = dataset.path(row["path"])
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: is missing; `manifests check {dataset.root}` lists all missing files") from None
