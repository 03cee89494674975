"""Counts of a data set: per table, and per codec and bitrate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from manifests import schema
from manifests.dataset import Dataset, standing

MOS_RATER = "visqol"


def summarise(dataset: Dataset) -> dict[str, Any]:
    """Count rows per table, rater and status, and per condition with mean measured kbps and mean ViSQOL MOS."""
    references = standing(dataset.references(["track_id", "clip_s", "start_s", "split", "frames", "sample_rate"]))
    degraded = dataset.degraded(["condition", "codec", "bitrate_kbps", "actual_kbps"])
    labels = dataset.labels(columns=["value"])
    audible = _ok(references)
    seconds = pc.divide(pc.cast(audible["frames"], pa.float64()), audible["sample_rate"])
    return {
        "tables": {
            "references": _statuses(references),
            "degraded": _statuses(degraded),
            "labels": {
                rater: _statuses(labels.filter(pc.equal(labels["rater"], rater)))
                for rater in sorted(pc.unique(labels["rater"]).to_pylist())
            },
        },
        "splits": dict(zip(*_counts(audible["split"]), strict=True)),
        "hours": (pc.sum(seconds).as_py() or 0.0) / 3600,
        "conditions": _conditions(_ok(degraded), _ok(labels.filter(pc.equal(labels["rater"], MOS_RATER)))),
    }


def by_rater(labels: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Name the counts per rater for readers: raters first, then one entry for all single listeners."""
    found = {f"labels {name}": dict(counts) for name, counts in labels.items() if not name.startswith(schema.LISTENER)}
    listeners = [counts for name, counts in labels.items() if name.startswith(schema.LISTENER)]
    if listeners:
        total: Counter[str] = Counter()
        for counts in listeners:
            total.update(counts)
        found[f"labels {len(listeners)} listener{'s' if len(listeners) > 1 else ''}"] = dict(total)
    return found


def _ok(table: pa.Table) -> pa.Table:
    return table.filter(pc.equal(table["status"], schema.OK))


def _counts(column: pa.ChunkedArray) -> tuple[list[str], list[int]]:
    counted = column.value_counts()
    return counted.field("values").to_pylist(), counted.field("counts").to_pylist()


def _statuses(table: pa.Table) -> dict[str, int]:
    counts = dict(zip(*_counts(table["status"]), strict=True))
    return {
        "rows": table.num_rows,
        **{status: counts.get(status, 0) for status in (schema.OK, schema.FAILED, schema.SKIPPED)},
    }


def _conditions(degraded: pa.Table, labels: pa.Table) -> list[dict[str, Any]]:
    rated = degraded.join(
        labels.select(["degraded_id", "value"]), "degraded_id", join_type="left outer", use_threads=False
    )
    groups = rated.group_by(["codec", "bitrate_kbps", "condition"], use_threads=False).aggregate(
        [("degraded_id", "count"), ("actual_kbps", "mean"), ("value", "mean")]
    )
    rows = [
        {
            "condition": row["condition"],
            "codec": row["codec"],
            "bitrate_kbps": row["bitrate_kbps"],
            "count": row["degraded_id_count"],
            "mean_actual_kbps": row["actual_kbps_mean"],
            "mean_mos": row["value_mean"],
        }
        for row in groups.to_pylist()
    ]
    return sorted(rows, key=lambda row: (row["codec"] or "", row["bitrate_kbps"] or 0.0, row["condition"]))
