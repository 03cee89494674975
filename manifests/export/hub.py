"""Hugging Face `datasets`: Parquet files with the audio embedded as Audio features."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deepaq.files import write_text
from manifests import schema
from manifests.dataset import Dataset
from manifests.export.clips import DEGRADED_COLUMNS, REFERENCE_COLUMNS, SHARD_BYTES, clips, new_folder, sound
from manifests.schema import TableSpec

_AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_LABELS = pa.list_(pa.struct([("rater", pa.string()), ("value", pa.float64()), ("scale", pa.string())]))
_GROUP_BYTES = 32_000_000  # size of a row group, which is held in memory
_DTYPES = {pa.string(): "string", pa.float64(): "float64", pa.int64(): "int64"}
_CARD = """---
configs:
{configs}---

# {name}

Clean music (`references`) and degraded clips (`degraded`, joined by `reference_id`) with their ratings, made by deepaq
{version}. The audio of a degraded clip is the coded file itself.

    from datasets import load_dataset
    degraded = load_dataset("{name}", "degraded")
"""


def export(dataset: Dataset, out: Path, shard_bytes: int = SHARD_BYTES) -> dict[str, Any]:
    """Write the folder `out` for `datasets.load_dataset(out, "references" | "degraded")` and return counts.

    Each `ok` row of the tables becomes one row. `audio` is the stored file, decoded on access; `labels` of a degraded
    clip is a list of {rater, value, scale}.
    """
    from manifests.provenance import package_version

    counts = {"references": 0, "degraded": 0, "files": 0}
    configs = ""
    with new_folder(out) as folder:
        for spec, columns in ((schema.REFERENCES, REFERENCE_COLUMNS), (schema.DEGRADED, DEGRADED_COLUMNS)):
            layout = _layout(spec, columns)
            files = _write(dataset, folder, spec, layout, shard_bytes, counts)
            configs += f"- config_name: {spec.name}\n  data_files:\n"
            for split in files:
                named = {"valid": "validation"}.get(split, split)
                configs += f"  - split: {named}\n    path: {spec.name}/{split}-*.parquet\n"
        card = _CARD.format(configs=configs, name=out.name, version=package_version("deepaq"))
        write_text(folder / "README.md", card)
    return counts


def _layout(spec: TableSpec, columns: Iterable[str]) -> pa.Schema:
    """The Arrow schema, with the features in the metadata that `datasets` reads."""
    fields = [spec.schema.field(name) for name in columns if name != "path"]
    if spec is schema.DEGRADED:
        fields.append(pa.field("split", pa.string()))
    features: dict[str, Any] = {field.name: {"dtype": _DTYPES[field.type], "_type": "Value"} for field in fields}
    if spec is schema.DEGRADED:
        fields.append(pa.field("labels", _LABELS))
        item = {"dtype": "string", "_type": "Value"}, {"dtype": "float64", "_type": "Value"}
        features["labels"] = [{"rater": item[0], "value": item[1], "scale": item[0]}]
    fields.append(pa.field("audio", _AUDIO))
    features["audio"] = {"_type": "Audio"}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def _write(
    dataset: Dataset, folder: Path, spec: TableSpec, layout: pa.Schema, shard_bytes: int, counts: dict[str, int]
) -> list[str]:
    """Write a table's files, add to `counts` and return the splits found."""
    (folder / spec.name).mkdir()
    splits: list[str] = []
    with ExitStack() as opened:
        number, written = 0, 0
        for split, size, rows in _groups(dataset, spec, layout):
            if split not in splits or written > shard_bytes:
                number, written = (number + 1 if split in splits else 0), 0
                opened.close()
                path = folder / spec.name / f"{split}-{number:05d}.parquet"
                writer = opened.enter_context(pq.ParquetWriter(path, layout))
                counts["files"] += 1
                splits = list(dict.fromkeys([*splits, split]))
            writer.write_table(rows)
            written += size
            counts[spec.name] += rows.num_rows
    return splits


def _groups(dataset: Dataset, spec: TableSpec, layout: pa.Schema) -> Iterator[tuple[str, int, pa.Table]]:
    """Yield (split, bytes of audio, rows) in groups that fit into memory."""
    for split, of_split in groupby(clips(dataset), key=lambda clip: clip.reference["split"]):
        rows: list[dict[str, Any]] = []
        held = 0
        for clip in of_split:
            for row in [clip.reference] if spec is schema.REFERENCES else clip.versions:
                content = sound(dataset, row)
                held += len(content)
                audio = {"bytes": content, "path": PurePosixPath(row["path"]).name}
                rows.append({**row, "split": split, "audio": audio})
            if held > _GROUP_BYTES:
                yield split, held, _table(rows, layout)
                rows, held = [], 0
        if rows:
            yield split, held, _table(rows, layout)


def _table(rows: list[dict[str, Any]], layout: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([{name: row[name] for name in layout.names} for row in rows], layout)
