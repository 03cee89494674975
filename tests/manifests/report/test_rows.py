"""The rows whose clips a page plays."""

from __future__ import annotations

from manifests.report.rows import Labelled, extremes


def test_extremes_prefer_other_clips_and_conditions() -> None:
    def row(value: float, clip: str, condition: str) -> Labelled:
        return Labelled(f"{clip}{condition}", clip, clip, condition, "x", 1, 1, "", "", clip, value, {}, None)

    rows = [row(1.0, "a", "p"), row(1.1, "a", "q"), row(1.2, "b", "p"), row(1.3, "b", "q"), row(1.4, "c", "p")]
    assert [r.degraded_id for r in extremes(rows, 2, best=False)] == ["ap", "bq"]
    assert [r.degraded_id for r in extremes(rows, 3, best=False)] == ["ap", "bq", "cp"]
    assert [r.degraded_id for r in extremes(rows, 9, best=True)] == ["cp", "bq", "aq"]
