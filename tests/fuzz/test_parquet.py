"""A short round of the fuzzer for Parquet tables."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepaq.errors import UserError
from manifests import schema
from manifests.fragment import FOOTER_KEY, read_fragment
from manifests.provenance import provenance
from tests.conftest import ROOT
from tests.fuzz.memory import peak_mib, reset_peak

MOST_MIB = 1024


@pytest.mark.parametrize("seed", [1, 2])
def test_a_mutated_table_is_read_or_refused(seed: int) -> None:
    command = [sys.executable, "-m", "tests.fuzz.parquet", "--rounds", "250", "--seed", str(seed)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert run.returncode == 0, run.stderr[-2000:]
    found = re.fullmatch(r"(?:\d+ not written, )?(\d+) read, (\d+) refused; peak memory (\d+) MiB\n", run.stdout)
    assert found, run.stdout
    read, refused, peak = map(int, found.groups())
    assert read > 10
    assert refused > 100
    assert peak < MOST_MIB


def repeated(text: str, rows: int) -> pa.Array:
    """A text in every row, stored once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def expanding(rows: int, columns: dict[str, pa.Array]) -> pa.Table:
    """Rows of the table of degraded clips in which all columns are constant."""
    names = ("degraded_id", "reference_id", "condition_id", "condition", "status")
    return pa.table({name: repeated("failed", rows) for name in names} | columns)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a fragment past all the checks, as small as can be."""
    text = json.dumps(provenance("test", {}, {}))
    pq.write_table(table.replace_schema_metadata({FOOTER_KEY: text}), path, compression="zstd")


BOMBS: dict[str, Callable[[], pa.Table]] = {
    "a text of a megabyte in a million rows": lambda: expanding(10**6, {"error": repeated("x" * 10**6, 10**6)}),
    "four million rows": lambda: expanding(4 * 10**6, {}),
    "bytes of a fixed length": lambda: expanding(10**5, {"codec": pa.array([bytes(10**3)] * 10**5, pa.binary(10**3))}),
    "a large text": lambda: expanding(2, {"error": pa.array(["x" * (100 << 20), None])}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_table_that_expands_is_refused_before_it_takes_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    write_table(path, BOMBS[name]())
    assert path.stat().st_size < 10**6
    reset_peak()
    before = peak_mib()
    with pytest.raises(UserError, match="too many for a file of"):
        read_fragment(path, schema.DEGRADED.schema)
    assert peak_mib() - before < 300


def test_names_of_extras_that_expand_are_refused(tmp_path: Path) -> None:
    path, rows = tmp_path / "bomb.parquet", 10**5
    keys = repeated("x" * 10**5, rows)
    extras = pa.MapArray.from_arrays(np.arange(rows + 1, dtype=np.int32), keys, pa.array(np.zeros(rows)))
    columns = {"degraded_id": repeated("a", rows), "rater": repeated("b", rows), "status": repeated("ok", rows)}
    write_table(path, pa.table({**columns, "extras": extras}))
    with pytest.raises(UserError, match="too many for a file of"):
        read_fragment(path, schema.LABELS.schema)


def test_a_table_that_repeats_what_tables_repeat_is_read(tmp_path: Path) -> None:
    rows = 10**5
    ids = pa.array([f"{number:024x}" for number in np.random.default_rng(0).integers(1 << 62, size=rows)])
    path = tmp_path / "table.parquet"
    write_table(path, expanding(rows, {"degraded_id": ids, "error": repeated("no such file", rows)}))
    table = read_fragment(path, schema.DEGRADED.schema)
    assert table["degraded_id"].to_pylist() == ids.to_pylist()
    assert set(table["error"].to_pylist()) == {"no such file"}
