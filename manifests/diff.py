"""Compare two data sets and say why they differ: settings, versions, rows, values."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from manifests.lock import read_lock
from manifests.schema import TableSpec

TOLERANCE = 1e-6  # differences between processor types
# Columns that depend on the machine: path of the source, CPU time, wording of errors.
_MACHINE = {"track_path", "seconds", "error"}
Mask = npt.NDArray[np.bool_]


def diff(a: Dataset, b: Dataset, tolerance: float = TOLERANCE) -> dict[str, Any]:
    """Compare two data sets and return what differs, JSON-serialisable.

    Keys: equal; same_content (rows and values); provenance, the footer entries (settings, versions, environment) that
    differ, with the values of both sides; tables, by name: row counts, only_a and only_b with reasons and their
    counts, and changed, the columns that differ and in how many of the common rows; values, by rater: the number of
    labels in both, how many differ, the largest and the mean difference B - A. Numbers within `tolerance` are equal.
    Paths of the sources, CPU seconds and the wording of errors are not compared.
    """
    tables = {spec.name: (a.table(spec), b.table(spec)) for spec in schema.CONTENT}
    compared = {}
    for spec in schema.CONTENT:
        left, right = tables[spec.name]
        places = _places(left, right, spec)
        common = left.filter(pa.array(places >= 0)), right.take(pa.array(places[places >= 0]))
        lost, new = left.filter(pa.array(places < 0)), right.filter(pa.array(_places(right, left, spec) < 0))
        compared[spec.name] = {
            "rows_a": left.num_rows,
            "rows_b": right.num_rows,
            "common": common[0].num_rows,
            "only_a": dict(Counter(_reasons(spec, lost, {name: pair[1] for name, pair in tables.items()}))),
            "only_b": dict(Counter(_reasons(spec, new, {name: pair[0] for name, pair in tables.items()}))),
            "changed": _changed(*common, tolerance),
        }
        if spec is schema.LABELS:
            values = _values(*common, tolerance)
    same_content = not any(t["only_a"] or t["only_b"] or t["changed"] for t in compared.values())
    noted = list(_provenance(a, b))
    return {
        "equal": same_content and not noted,
        "same_content": same_content,
        "provenance": noted,
        "tables": compared,
        "values": values,
    }


def _provenance(a: Dataset, b: Dataset) -> Iterator[dict[str, Any]]:
    """Yield the footer entries that differ, by table, down to single packages."""
    for spec in schema.CONTENT:
        left, right = (_explained(side, footers(side.folder(spec))) for side in (a, b))
        for entry in sorted(set(left) | set(right)):
            if left[entry] != right[entry]:
                yield {"table": spec.name, "entry": entry, "a": sorted(left[entry]), "b": sorted(right[entry])}


def _explained(dataset: Dataset, found: dict[str, set[str]]) -> dict[str, set[str]]:
    """Add an entry for each package behind the ids of package locks."""
    for entry in [entry for entry in found if entry.endswith(": environment.packages")]:
        for name in found[entry]:
            for package, version in read_lock(dataset.root, name).items():
                found[f"{entry}.{package}"].add(version)
    return found


def footers(folder: Path) -> dict[str, set[str]]:
    """All values of each entry, such as tools.ffmpeg, in the footers of a table's folder."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in fragments(folder):
        footer = read_footer(path)
        prefix = f"{footer.get('stage', 'unknown')}: "
        for key, value in _flat({k: v for k, v in footer.items() if k != "stage"}):
            found[prefix + key].add(value)
    return found


def _flat(entries: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in entries.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _places(table: pa.Table, other: pa.Table, spec: TableSpec) -> npt.NDArray[np.int64]:
    """(rows of table,): the index of each row's key in `other`, or -1."""
    places = pc.index_in(_keys(table, spec), value_set=_keys(other, spec).combine_chunks())
    return np.asarray(pc.fill_null(places, -1).to_numpy(), dtype=np.int64)


def _keys(table: pa.Table, spec: TableSpec) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(*(table[name] for name in spec.key), "\x1f")


def _reasons(spec: TableSpec, rows: pa.Table, other: Mapping[str, pa.Table]) -> Iterator[str]:
    """Yield the reason why each row has no counterpart in the other data set."""
    known = {
        name: set(pc.unique(other[table][name]).to_pylist())
        for table, name in (
            ("references", "track_id"),
            ("references", "reference_id"),
            ("degraded", "condition"),
            ("degraded", "condition_id"),
            ("degraded", "degraded_id"),
            ("labels", "rater"),
        )
    }
    for row in rows.drop_columns([name for name in ("extras", "timeline") if name in rows.schema.names]).to_pylist():
        if spec is schema.REFERENCES:
            yield "other clips of a track" if row["track_id"] in known["track_id"] else "another track"
        elif spec is schema.DEGRADED:
            if row["reference_id"] not in known["reference_id"]:
                yield "another reference clip"
            elif row["condition_id"] in known["condition_id"]:
                yield f"{row['condition']}: not made there"
            elif row["condition"] in known["condition"]:
                yield f"{row['condition']}: made with other settings"
            else:
                yield f"{row['condition']}: another condition"
        elif row["rater"] not in known["rater"]:
            yield f"{row['rater']}: another rater"
        elif row["degraded_id"] not in known["degraded_id"]:
            yield f"{row['rater']}: another degraded clip"
        else:
            yield f"{row['rater']}: not rated there"


def _changed(a: pa.Table, b: pa.Table, tolerance: float) -> dict[str, int]:
    counts = {name: int((~_same(a[name], b[name], tolerance)).sum()) for name in a.schema.names if name not in _MACHINE}
    return {name: count for name, count in counts.items() if count}


def _same(a: pa.ChunkedArray, b: pa.ChunkedArray, tolerance: float) -> Mask:
    """(rows,) mask: the values are equal; null equals null."""
    if a.equals(b):
        return np.ones(len(a), bool)
    if pa.types.is_floating(a.type):
        x, y = _numbers(a), _numbers(b)
        return np.asarray((np.abs(x - y) <= tolerance) | (x == y) | (np.isnan(x) & np.isnan(y)))
    return np.array([_close(x, y, tolerance) for x, y in zip(a.to_pylist(), b.to_pylist(), strict=True)], bool)


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)


def _close(x: Any, y: Any, tolerance: float) -> bool:
    """Compare nested values: lists, and maps as lists of pairs."""
    if isinstance(x, float) and isinstance(y, float):
        return abs(x - y) <= tolerance or x == y
    if isinstance(x, (list, tuple)) and isinstance(y, (list, tuple)):
        return len(x) == len(y) and all(map(lambda u, v: _close(u, v, tolerance), x, y))
    return bool(x == y)


def _values(a: pa.Table, b: pa.Table, tolerance: float) -> dict[str, dict[str, Any]]:
    """Differences per rater of the labels that are `ok` on both sides."""
    both = pc.and_(pc.equal(a["status"], schema.OK), pc.equal(b["status"], schema.OK))
    a, b = a.filter(both), b.filter(both)
    raters, gaps = np.array(a["rater"].to_pylist(), object), _numbers(b["value"]) - _numbers(a["value"])
    found = {}
    for rater in sorted(set(raters)):
        gap = gaps[raters == rater]
        found[rater] = {
            "common": len(gap),
            "differing": int((np.abs(gap) > tolerance).sum()),
            "largest": float(np.abs(gap).max()),
            "mean": float(gap.mean()),
        }
    return found


def explain(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the result of `diff` as lines of text."""
    for entry in found["provenance"]:
        left, right = (", ".join(entry[side]) or "nothing" for side in "ab")
        yield f"{entry['table']}: {entry['entry']}: {left} in A, {right} in B"
    for name, table in found["tables"].items():
        yield f"{name}: {table['rows_a']} rows in A, {table['rows_b']} in B, {table['common']} in both"
        for side in "ab":
            for reason, count in table[f"only_{side}"].items():
                yield f"{name}: only in {side.upper()}: {count} ({reason})"
        for column, count in table["changed"].items():
            yield f"{name}: {column} differs in {count} rows"
    for rater, values in found["values"].items():
        yield (
            f"{rater}: {values['common']} values in both, {values['differing']} differ,"
            f" by {values['largest']:.6g} at most, B - A {values['mean']:+.6g} on average"
        )
    yield (
        "the data sets are equal"
        if found["equal"]
        else (
            "the data sets have the same rows and values but differ in settings or software versions"
            if found["same_content"]
            else "the data sets differ"
        )
    )
