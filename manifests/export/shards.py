"""WebDataset: tar shards in which a clip and all its versions are one sample."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

from manifests.dataset import Dataset
from manifests.export.clips import SHARD_BYTES, Clip, clips, new_folder, sound


def export(dataset: Dataset, out: Path, shard_bytes: int = SHARD_BYTES) -> dict[str, Any]:
    """Write `out`/<split>-<number>.tar and return the numbers of samples, versions and shards.

    A sample's key is the reference_id. Its parts: `flac` (or what the clip is stored as), the clip; `json`, the rows
    of the tables with the labels; and per version `<condition>.<suffix>`, the coded sound as it is; where a condition
    occurs twice in a clip, `<condition>-<degraded_id>.<suffix>`. The row's `part` names it. The same data give the
    same bytes.
    """
    counts = {"samples": 0, "versions": 0, "shards": 0}
    with new_folder(out) as folder, ExitStack() as open_shards:
        split, number, written = "", 0, 0
        for clip in clips(dataset):
            if clip.reference["split"] != split or written > shard_bytes:
                number = number + 1 if clip.reference["split"] == split else 0
                split, written = clip.reference["split"], 0
                open_shards.close()
                tar = open_shards.enter_context(tarfile.open(folder / f"{split}-{number:06d}.tar", "w"))
                counts["shards"] += 1
            for name, content in _parts(dataset, clip):
                entry = tarfile.TarInfo(f"{clip.reference['reference_id']}.{name}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
                written += len(content)
            counts["samples"] += 1
            counts["versions"] += len(clip.versions)
    return counts


def _parts(dataset: Dataset, clip: Clip) -> list[tuple[str, bytes]]:
    """(extension, content) of a sample."""
    names = [version["condition"] for version in clip.versions]
    parts = [(_suffix(clip.reference), sound(dataset, clip.reference))]
    rows = []
    for version in clip.versions:
        condition = version["condition"].lower().replace(".", "_").replace("/", "_")
        once = names.count(version["condition"]) == 1
        part = f"{condition if once else condition + '-' + version['degraded_id']}.{_suffix(version)}"
        parts.append((part, sound(dataset, version)))
        rows.append(version | {"part": part})
    content = {"reference": clip.reference | {"part": parts[0][0]}, "versions": rows}
    return [*parts, ("json", json.dumps(content, allow_nan=False).encode())]


def _suffix(row: dict[str, Any]) -> str:
    return PurePosixPath(row["path"]).suffix.lower().removeprefix(".")
