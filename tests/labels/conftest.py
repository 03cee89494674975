"""A benchmark that several modules look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labels.benchmark.stage import benchmark
from tests.labels.benchmark.benchmarks import ONE, RATERS, listening_test


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Two tests, rated, and the report on them."""
    folder = tmp_path_factory.mktemp("benchmark")
    data = [listening_test(folder, "first", 1), listening_test(folder, "second", 2)]
    return folder, benchmark(data, RATERS, folder / "report", ONE)


@pytest.fixture
def report(made: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
    return made[1]
