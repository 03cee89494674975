"""The image and engine named by docker/test.sh, and a run outside the image to compare with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import ROOT

IMAGE = os.environ.get("DEEPAQ_TEST_IMAGE", "")
ENGINE = os.environ.get("DEEPAQ_TEST_ENGINE", "docker")
AMOUNT = {"MINUTES": "1.5", "TEST_MINUTES": "0.5", "FIT": "-o max_steps=40 -o epoch_steps=20"}
needs_image = pytest.mark.skipif(not IMAGE, reason="needs an image; run docker/test.sh")


def run(command: Sequence[str | Path], **more: str) -> str:
    """Return the output of a command that must succeed, with `more` in its environment."""
    environment = {**os.environ, **more}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(map(str, command))}: {result.stdout[-2000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def engine(*arguments: str) -> str:
    return run([ENGINE, *arguments])


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set that `reproduce.sh --quick` makes outside the image."""
    folder = tmp_path_factory.mktemp("outside")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script: list[str | Path] = ["bash", ROOT / "docker" / "reproduce.sh", "--quick", folder]
    run(script, **AMOUNT, STEPS="prep labels", PYTHONPATH=str(ROOT), PATH=path)
    return folder / "dataset"
