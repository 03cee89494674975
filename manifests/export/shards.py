"""WebDataset: tar shards with one sample per clip, its degraded clips included."""

from __future__ import annotations

import io
import json
import re
import tarfile
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

from manifests.dataset import Dataset
from manifests.export.clips import SHARD_BYTES, Clip, clips, new_folder, sound


def export(dataset: Dataset, out: Path, shard_bytes: int = SHARD_BYTES) -> dict[str, Any]:
    """Write `out`/<split>-<number>.tar and return the numbers of samples, degraded clips and shards.

    A sample's key is the reference_id. Its parts are `flac` (or the format that the clip is stored in), the clip;
    `json`, the rows of the tables with the labels; and for each degraded clip `<condition>.<suffix>`, the stored file,
    or `<condition>-<degraded_id>.<suffix>` when two of a sample would have one name. Letters of a condition are
    lower-case; dots and slashes become underscores. The row's `part` gives the name. The same data give the same bytes.
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
    plain = [f"{_slug(version)}.{_suffix(version)}" for version in clip.versions]
    parts = [(_suffix(clip.reference), sound(dataset, clip.reference))]
    rows = []
    for version, part in zip(clip.versions, plain, strict=True):
        if names.count(version["condition"]) > 1 or plain.count(part) > 1:
            part = f"{_slug(version)}-{version['degraded_id']}.{_suffix(version)}"
        parts.append((part, sound(dataset, version)))
        rows.append(version | {"part": part})
    content = {"reference": clip.reference | {"part": parts[0][0]}, "versions": rows}
    return [*parts, ("json", json.dumps(content, allow_nan=False).encode())]


def _slug(row: dict[str, Any]) -> str:
    return re.sub(r"[./\\]", "_", row["condition"].lower())


def _suffix(row: dict[str, Any]) -> str:
    return re.sub(r"[^a-z0-9]", "", PurePosixPath(row["path"]).suffix.lower()) or "bin"
