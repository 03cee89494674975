"""`manifests compact`: fewer fragments, the same rows, nothing lost when it is interrupted."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from manifests import compact as module
from manifests import schema
from manifests.cli import main
from manifests.compact import compact
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer, write_fragment
from manifests.provenance import provenance

ONE, TWO = provenance("test", {"setting": 1}, {}), provenance("test", {"setting": 2}, {})


def label(number: int, value: float | None, rater: str = "visqol") -> dict[str, Any]:
    status = schema.FAILED if value is None else schema.OK
    return {"degraded_id": f"{number:024x}", "rater": rater, "value": value, "scale": "MOS",
            "extras": {"x": 0.5}, "status": status, "error": None if value else "broken", "seconds": 0.1}  # fmt: skip


def put(dataset: Dataset, footer: dict[str, Any], *rows: dict[str, Any]) -> None:
    write_fragment(dataset.folder(schema.LABELS, rows[0]["rater"]), schema.LABELS, rows, footer)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Twelve fragments of two raters and two provenances, with retried failures."""
    data = Dataset(tmp_path / "data", create=True)
    for number in range(5):
        put(data, ONE, label(number, None), label(100 + number, 2.0))
        put(data, TWO, label(number, 1.0 + number))
    put(data, ONE, label(1, 3.0, "peaq"))
    put(data, ONE, label(2, None, "peaq"))
    return data


def rows(data: Dataset) -> list[dict[str, Any]]:
    return sorted(data.labels().to_pylist(), key=lambda row: (row["rater"], row["degraded_id"]))


def test_the_rows_stay_and_the_fragments_go(dataset: Dataset) -> None:
    before = rows(dataset)
    run = CliRunner().invoke(main, ["compact", str(dataset.root), "--json"])
    assert run.exit_code == 0
    assert '"labels/rater=visqol": {"before": 10, "after": 2}' in run.stdout
    assert rows(dataset) == before
    found = fragments(dataset.folder(schema.LABELS))
    assert len(found) == 3
    assert sorted(read_footer(path)["settings"]["setting"] for path in found) == [1, 1, 2]
    assert compact(dataset)["labels/rater=visqol"] == {"before": 2, "after": 2}
    assert fragments(dataset.folder(schema.LABELS)) == found


def test_later_rows_still_supersede(dataset: Dataset) -> None:
    compact(dataset)
    put(dataset, TWO, label(2, 4.0, "peaq"))
    (row,) = [row for row in rows(dataset) if row["rater"] == "peaq" and row["degraded_id"] == f"{2:024x}"]
    assert row["value"] == 4.0


def test_an_interruption_loses_nothing(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(dataset)
    original = Path.unlink
    left = [4]

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".parquet" and not path.name.startswith("."):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
        original(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(KeyboardInterrupt):
        compact(dataset)
    monkeypatch.undo()
    assert rows(dataset) == before
    compact(dataset)
    assert rows(dataset) == before
    assert len(fragments(dataset.folder(schema.LABELS))) == 3


def test_readers_and_writers_may_be_at_work_meanwhile(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(dataset)
    original = module._kept

    def meanwhile(spec: Any, found: list[Path]) -> Any:
        put(dataset, ONE, label(7, 4.5))
        other = threading.Thread(target=original, args=(spec, found))
        other.start()
        other.join()
        return original(spec, found)

    monkeypatch.setattr(module, "_kept", meanwhile)
    compact(dataset)
    assert [row for row in rows(dataset) if row["degraded_id"] != f"{7:024x}"] == before
    assert f"{7:024x}" in {row["degraded_id"] for row in rows(dataset)}


def test_a_fragment_that_goes_while_it_is_read_is_no_error(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from manifests import fragment as reading

    before = rows(dataset)
    original, done = reading.fragments, []

    def listed(folder: Path) -> list[Path]:
        found = original(folder)
        if not done:
            done.append(compact(dataset))
        return found

    monkeypatch.setattr(reading, "fragments", listed)
    assert rows(dataset) == before
    assert done
