"""A short round of the fuzzer for Parquet tables."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

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
