"""A data set without labels."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from prep.transcode import Settings as PrepSettings
from prep.transcode import transcode
from tests.sounds import music, write


@pytest.fixture(scope="session")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips of 2 s in six conditions."""
    folder = tmp_path_factory.mktemp("labels")
    for seed in range(3):
        write(folder / "music" / f"{seed}.wav", music(2, seed))
    transcode([folder / "music"], folder / "data", PrepSettings(bitrates=(32, 128), clip_s=2, jobs=1, quiet=True))
    return folder / "data"


@pytest.fixture
def data(unlabelled: Path, tmp_path: Path) -> Path:
    subprocess.run(["cp", "-r", str(unlabelled), str(tmp_path / "data")], check=True)
    return tmp_path / "data"
