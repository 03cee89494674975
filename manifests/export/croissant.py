"""Croissant: a JSON-LD description of a data set that search engines and machine-learning tools read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from deepaq.errors import UserError
from deepaq.files import committed, write_text
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments
from manifests.schema import TableSpec

FILE = "croissant.json"
_TYPES = {pa.string(): "sc:Text", pa.float64(): "sc:Float", pa.int64(): "sc:Integer"}
_ABOUT = {
    "references": "Clean clips.",
    "degraded": "Degraded clips, coded or distorted; reference_id names the clean clip in references.",
    "labels": "Ratings; degraded_id names the rated clip in degraded.",
}
# The context of the Croissant 1.0 specification.
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
    """Write the description into the data set's folder and return its path and the tables described.

    out: another file name in that folder; paths in the description are relative to it. about: any of name,
    description, license, url, citeAs, creator. The columns `extras` and `timeline` are left out: Croissant has no
    types for them. Raises UserError when `out` is elsewhere.
    """
    path = out or dataset.root / FILE
    if path.parent.resolve() != dataset.root.resolve():
        raise UserError(
            f"{path}: a Croissant file must be in the data set that it describes, such as {dataset.root / FILE}"
        )
    tables = [spec for spec in schema.CONTENT if fragments(dataset.folder(spec))]
    named = {key: value for key, value in (about or {}).items() if value}
    if "creator" in named:
        named |= {"creator": {"@type": "Organization", "name": named["creator"]}}  # type: ignore[dict-item]
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": dataset.root.resolve().name,
        "description": "Clean music, degraded clips and their ratings, made by deepaq.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        **named,
        "distribution": [_files(spec.name, _pattern(spec), "application/x-parquet") for spec in tables]
        + [_files("audio", "audio/**/*", "audio/*")],
        "recordSet": [_records(spec) for spec in tables],
    }
    with committed(path) as partial:
        write_text(partial, json.dumps(content, indent=2) + "\n")
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
