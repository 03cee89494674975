"""Croissant: a JSON-LD description of the data set, beside its tables, that search engines and ML tools read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from deepaq.errors import UserError
from deepaq.files import committed
from manifests import schema
from manifests.dataset import Dataset
from manifests.schema import TableSpec

FILE = "croissant.json"
_TYPES = {pa.string(): "sc:Text", pa.float64(): "sc:Float", pa.int64(): "sc:Integer"}
_ABOUT = {
    "references": "Clean clips.",
    "degraded": "Degraded versions, coded or with a distortion, of the clip in references with that reference_id.",
    "labels": "What raters say of the version in degraded with that degraded_id.",
}
# As the Croissant 1.0 specification gives it.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def export(dataset: Dataset, out: Path | None = None, about: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Write the description into the data set's folder, to which its paths are relative; return its file and counts.

    out: another file name in that folder. about: name, description, license, url, citeAs, creator where known.
    The tables are described as they lie there; `extras` and `timeline`, which Croissant has no types for, are not.
    """
    path = out or dataset.root / FILE
    if path.parent.resolve() != dataset.root.resolve():
        raise UserError(f"{path}: a Croissant file lies in the data set it describes, such as {dataset.root / FILE}")
    tables = [spec for spec in schema.CONTENT if any((dataset.root / spec.name).rglob("*.parquet"))]
    named = {key: value for key, value in (about or {}).items() if value}
    if "creator" in named:
        named |= {"creator": {"@type": "Organization", "name": named["creator"]}}  # type: ignore[dict-item]
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": dataset.root.resolve().name,
        "description": "Clean music, its degraded versions, and the labels of raters, made by deepaq.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        **named,
        "distribution": [_files(spec.name, _pattern(spec), "application/x-parquet") for spec in tables]
        + [_files("audio", "audio/**/*", "audio/*")],
        "recordSet": [_records(spec) for spec in tables],
    }
    with committed(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")
    return {"file": str(path), "tables": [spec.name for spec in tables]}


def _pattern(spec: TableSpec) -> str:
    return f"{spec.name}/{'*/' if spec is schema.LABELS else ''}*.parquet"  # labels have a folder per rater


def _files(name: str, pattern: str, encoding: str) -> dict[str, Any]:
    return {"@type": "cr:FileSet", "@id": f"{name}-files", "name": f"{name}-files", "encodingFormat": encoding,
            "includes": pattern}  # fmt: skip


def _records(spec: TableSpec) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": spec.name,
        "name": spec.name,
        "description": _ABOUT[spec.name],
        "key": [{"@id": f"{spec.name}/{name}"} for name in spec.key],
        "field": [_field(spec.name, column) for column in spec.schema if column.type in _TYPES],
    }


def _field(table: str, column: pa.Field) -> dict[str, Any]:
    name = f"{table}/{column.name}"
    return {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "dataType": _TYPES[column.type],
        "source": {"fileSet": {"@id": f"{table}-files"}, "extract": {"column": column.name}},
    }
