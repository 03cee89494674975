"""A short round of the fuzzer for listening tests."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.conftest import ROOT


def test_a_mutated_listening_test_is_imported_or_refused() -> None:
    command = [sys.executable, "-m", "tests.fuzz.listening", "--rounds", "60", "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert run.returncode == 0, run.stderr[-2000:]
    found = re.fullmatch(r"(\d+) imported, (\d+) refused\n", run.stdout)
    assert found, run.stdout
    assert min(map(int, found.groups())) > 5
