"""What a data set holds: counts per table, and per codec and bitrate."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from manifests import schema
from manifests.dataset import Dataset


def summarise(dataset: Dataset) -> dict[str, Any]:
    """Counts per table and status, per rater, and per condition: count, mean actual kbps, mean value per rater."""
    references = dataset.references(["split", "frames", "sample_rate"]).to_pylist()
    degraded = dataset.degraded(["condition", "codec", "bitrate_kbps", "actual_kbps"]).to_pylist()
    labels = dataset.labels(columns=["value"]).to_pylist()
    raters = sorted({row["rater"] for row in labels})
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for row in labels:
        if row["status"] == schema.OK:
            values[row["degraded_id"]][row["rater"]] = row["value"]
    return {
        "tables": {
            "references": _statuses(references),
            "degraded": _statuses(degraded),
            "labels": {rater: _statuses([row for row in labels if row["rater"] == rater]) for rater in raters},
        },
        "splits": dict(Counter(row["split"] for row in references if row["status"] == schema.OK)),
        "hours": sum(row["frames"] / row["sample_rate"] / 3600 for row in references if row["status"] == schema.OK),
        "conditions": _conditions(degraded, values),
    }


def _statuses(rows: list[dict[str, Any]]) -> dict[str, int]:
    counts = Counter(row["status"] for row in rows)
    return {
        "rows": len(rows),
        **{status: counts[status] for status in (schema.OK, schema.FAILED, schema.SKIPPED)},
    }


def _conditions(degraded: list[dict[str, Any]], values: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, float, str], list[dict[str, Any]]] = defaultdict(list)
    for row in degraded:
        if row["status"] == schema.OK:
            groups[row["codec"] or "", row["bitrate_kbps"] or 0.0, row["condition"]].append(row)
    return [
        {
            "condition": condition,
            "codec": codec or None,
            "bitrate_kbps": bitrate or None,
            "count": len(rows),
            "mean_actual_kbps": _mean([row["actual_kbps"] for row in rows]),
            "mean_mos": _mean([values[row["degraded_id"]].get("visqol") for row in rows]),
        }
        for (codec, bitrate, condition), rows in sorted(groups.items())
    ]


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
