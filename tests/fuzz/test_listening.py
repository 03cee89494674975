"""A short round of the fuzzer for listening tests."""

from __future__ import annotations

import re
import sys

import pytest

from tests.fuzz import listening


def test_a_mutated_listening_test_is_imported_or_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["listening", "--rounds", "60", "--seed", "1"])
    listening.main()
    found = re.fullmatch(r"(\d+) imported, (\d+) refused\n", capsys.readouterr().out)
    assert found
    assert min(map(int, found.groups())) > 5
