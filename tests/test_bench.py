"""The measuring scripts: that they still fit what they measure."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

SCRIPTS = sorted(path.stem for path in (Path(__file__).parent / "bench").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_imported_and_says_how_it_is_run(name: str) -> None:
    module = import_module(f"tests.bench.{name}")
    assert f"python tests/bench/{name}.py" in (module.__doc__ or "")
    assert callable(module.main)


def test_the_loader_that_steps_measures_gives_batches(tmp_path: Path) -> None:
    from tests.bench import steps

    sampler = steps.sampler(tmp_path, clips=2, versions=8)
    cut = sampler.draw(0)
    assert sampler.read(cut).shape == (len(cut.rows), steps.SEGMENT_S * 24_000)
