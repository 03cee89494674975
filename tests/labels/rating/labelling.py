"""Ratings in one process, and the values that they wrote."""

from __future__ import annotations

from pathlib import Path

from labels.rating.stage import Settings
from manifests.dataset import Dataset

ONE = Settings(jobs=1, quiet=True)


def values(data: Path) -> dict[str, float]:
    return {row["degraded_id"]: row["value"] for row in Dataset(data).labels("visqol").to_pylist()}
