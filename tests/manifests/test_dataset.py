"""Tables: rows in, rows out, one per key, nothing half-written."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepaq.errors import UserError
from deepaq.files import PARTIAL
from manifests import schema
from manifests.dataset import Dataset, latest
from manifests.fragment import fragments, read_footer, write_fragment
from manifests.provenance import provenance
from tests.conftest import ROOT

FOOTER = provenance("test", {"setting": 1}, {"tool": "1.0"})


def label(name: str, value: float | None = 4.0, status: str = schema.OK, rater: str = "visqol") -> dict[str, Any]:
    error = None if status == schema.OK else "broken"
    return {"degraded_id": name, "rater": rater, "value": value, "scale": "MOS", "extras": {"fvnsim": 0.5},
            "status": status, "error": error, "seconds": 0.1, "timeline": None}  # fmt: skip


def put(dataset: Dataset, *rows: dict[str, Any]) -> Path:
    return write_fragment(dataset.folder(schema.LABELS, rows[0]["rater"]), schema.LABELS, rows, FOOTER)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path / "data", create=True)


def test_rows_come_back_as_written(dataset: Dataset) -> None:
    put(dataset, label("a"), label("b", None, schema.FAILED))
    rows = dataset.labels().to_pylist()
    assert [row | {"extras": dict(row["extras"])} for row in rows] == [label("a"), label("b", None, schema.FAILED)]


def test_footer_says_what_made_the_rows(dataset: Dataset) -> None:
    footer = read_footer(put(dataset, label("a")))
    assert footer["settings"] == {"setting": 1}
    assert footer["tools"]["tool"] == "1.0"
    assert footer["schema_version"] == schema.SCHEMA_VERSION


def test_raters_are_rows_not_columns(dataset: Dataset) -> None:
    put(dataset, label("a", 4.0))
    put(dataset, label("a", -1.0, rater="peaq"))
    assert dataset.labels().num_rows == 2
    assert dataset.labels("peaq")["value"].to_pylist() == [-1.0]


def test_a_retry_supersedes_a_failure_but_a_failure_never_an_ok(dataset: Dataset) -> None:
    put(dataset, label("a", None, schema.FAILED), label("b", 3.0))
    put(dataset, label("a", 2.0), label("b", None, schema.FAILED))
    assert {row["degraded_id"]: row["value"] for row in dataset.labels().to_pylist()} == {"a": 2.0, "b": 3.0}


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([schema.OK, schema.FAILED])), max_size=12))
@settings(deadline=None)
def test_latest_agrees_with_a_plain_loop(pairs: list[tuple[str, str]]) -> None:
    table = pa.table(
        {
            "key": pa.array([k for k, _ in pairs], pa.string()),
            "status": pa.array([s for _, s in pairs], pa.string()),
            "row": pa.array(range(len(pairs)), pa.int64()),
        }
    )
    expected: dict[str, tuple[bool, int]] = {}
    for row, (key, status) in enumerate(pairs):
        expected[key] = max(expected.get(key, (False, -1)), (status == schema.OK, row))
    assert sorted(latest(table, ["key"])["row"].to_pylist()) == sorted(row for _, row in expected.values())


@pytest.mark.parametrize(
    ("change", "message"), [({"colour": "red"}, "unknown columns"), ({"rater": None}, "required columns")]
)
def test_a_wrong_row_is_refused_before_anything_is_written(
    dataset: Dataset, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_fragment(dataset.folder(schema.LABELS, "visqol"), schema.LABELS, [label("a") | change], FOOTER)
    assert fragments(dataset.root) == []


def test_a_foreign_or_damaged_fragment_is_named(dataset: Dataset) -> None:
    path = put(dataset, label("a"))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UserError, match=path.name):
        dataset.labels()


def test_a_flipped_bit_among_the_rows_is_noticed(dataset: Dataset) -> None:
    path = put(dataset, *(label(f"{number:024x}", number / 7) for number in range(40)))
    whole, rows = path.read_bytes(), dataset.labels().to_pylist()
    end = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")  # where the metadata begin
    noticed = 0
    for place in range(4, end, 5):
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            assert dataset.labels().to_pylist() == rows
        except UserError:
            noticed += 1
    assert noticed > 0.8 * (end - 4) / 5


def test_text_that_is_none_is_damage(dataset: Dataset) -> None:
    path = put(dataset, label("a"))
    old = pq.read_table(path, partitioning=None)
    spoilt = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"]).buffers())
    pq.write_table(old.set_column(0, old.schema.field(0), spoilt), path)  # without checksums, as it was once written
    with pytest.raises(UserError, match=f"{path.name}: .*damaged"):
        dataset.labels()


def test_no_query_leaves_its_threads_to_the_end_of_the_interpreter() -> None:
    """See `latest_rows`; the abort itself comes once in hundreds of runs."""
    queries = [
        (path, call)
        for folder in ("manifests", "labels", "prep", "training")
        for path in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        and (call.func.attr == "group_by" or any(word.arg == "join_type" for word in call.keywords))
    ]  # fmt: skip
    assert len(queries) >= 7
    for path, call in queries:
        threads = [ast.unparse(word.value) for word in call.keywords if word.arg == "use_threads"]
        assert threads == ["False"], f"{path}:{call.lineno}"


def test_a_fragment_from_before_a_column_was_added_reads_as_null_there(dataset: Dataset) -> None:
    path = put(dataset, label("a"))
    old = pq.read_table(path, partitioning=None)
    pq.write_table(old.drop_columns(["seconds"]), path)
    put(dataset, label("b"))
    assert dataset.labels()["seconds"].to_pylist() == [None, 0.1]
    pq.write_table(old.drop_columns(["rater"]), path)
    with pytest.raises(UserError, match="lacks the column rater"):
        dataset.labels()


def test_among_many_fragments_the_one_with_a_wrong_value_is_named(dataset: Dataset) -> None:
    for number in range(70):
        put(dataset, label(f"a{number}"))
    wrong = put(dataset, label("../a"))
    put(dataset, label("b"))
    with pytest.raises(UserError, match="needs letters") as error:
        dataset.labels()
    assert str(error.value).startswith(f"{wrong}: ")


def test_partial_fragments_are_not_read(dataset: Dataset) -> None:
    path = put(dataset, label("a"))
    path.with_name(PARTIAL + "host-1-" + path.name).write_bytes(b"half")
    assert dataset.labels().num_rows == 1


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match="prep transcode"):
            Dataset(folder)


def test_a_file_is_given_only_with_the_content_that_its_row_names(dataset: Dataset) -> None:
    path = dataset.root / "audio" / "clip.flac"
    path.parent.mkdir()
    path.write_bytes(b"content")
    sha256 = hashlib.sha256(b"content").hexdigest()
    assert dataset.verified("audio/clip.flac", sha256) == path
    path.write_bytes(b"changed")
    with pytest.raises(UserError, match=r"^audio/clip\.flac: differs from its checksum"):
        dataset.verified("audio/clip.flac", sha256)


@pytest.mark.parametrize("relative", ["audio/none.flac", "audio/file/none.flac", "audio"])
def test_a_file_that_is_not_there_is_named_as_missing(dataset: Dataset, relative: str) -> None:
    (dataset.root / "audio").mkdir()
    (dataset.root / "audio" / "file").write_bytes(b"")
    with pytest.raises(UserError, match=f"^{relative}: is missing"):
        dataset.verified(relative, "0" * 64)


def test_a_row_cannot_name_a_file_outside_the_data_set(dataset: Dataset) -> None:
    (dataset.root.parent / "secret").write_bytes(b"")
    with pytest.raises(UserError, match=r"leads out of the data set"):
        dataset.verified("../secret", hashlib.sha256(b"").hexdigest())
