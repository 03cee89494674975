"""Merge a data set's many small fragments into few: one per table and provenance, superseded rows left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manifests import schema
from manifests.dataset import Dataset, latest_rows
from manifests.fragment import fragments, read_footer, read_fragment, write_tables
from manifests.schema import TableSpec

ROW_GROUP = 1 << 16


def compact(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Merge every table's fragments and return, per table (labels: per rater), fragments before and after.

    The merged fragments are committed before the old ones are removed, so an interruption loses nothing: rows that
    are present twice count once. Fragments that other runs write meanwhile are left alone.
    """
    results: dict[str, dict[str, int]] = {}
    for spec in schema.TABLES.values():
        raters = sorted(path.name.partition("=")[2] for path in dataset.folder(spec).glob("rater=*") if path.is_dir())
        for folder in [dataset.folder(spec, rater) for rater in raters] or [dataset.folder(spec)]:
            if found := fragments(folder):
                results[folder.relative_to(dataset.root).as_posix()] = {
                    "before": len(found),
                    "after": _merge(folder, spec, found),
                }
    return results


def _merge(folder: Path, spec: TableSpec, found: list[Path]) -> int:
    footers = [read_footer(path) for path in found]
    names = [json.dumps(footer, sort_keys=True) for footer in footers]
    if len(found) == len(set(names)):
        return len(found)
    kept = _kept(spec, found)
    for name in dict.fromkeys(names):
        members = [index for index, other in enumerate(names) if other == name]
        tables = _gathered(read_fragment(found[index], spec.schema).filter(pa.array(kept[index])) for index in members)
        # Named after the newest merged fragment, so that fragments written meanwhile stay newer.
        newest = int(found[members[-1]].name.partition("-")[0])
        write_tables(folder, tables, spec.schema, footers[members[0]], time_ns=newest)
    for path in found:
        path.unlink(missing_ok=True)
    return len(set(names))


def _kept(spec: TableSpec, found: list[Path]) -> list[npt.NDArray[np.bool_]]:
    """One mask per fragment: the rows that are not superseded."""
    layout = pa.schema([spec.schema.field(name) for name in [*spec.key, "status"]])
    keys = [read_fragment(path, layout) for path in found]
    kept = np.zeros(sum(table.num_rows for table in keys), bool)
    kept[latest_rows(pa.concat_tables(keys), spec.key)] = True
    return np.split(kept, np.cumsum([table.num_rows for table in keys])[:-1])


def _gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Join consecutive tables until each has at least ROW_GROUP rows; only the last may have fewer."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(table.num_rows for table in waiting) >= ROW_GROUP:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()
