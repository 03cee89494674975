"""Files are written whole, and with the permissions that the user asks for."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from deepaq.backbones.backbone import build
from deepaq.files import committed, write_tensors
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint


@pytest.fixture(params=[0o022, 0o027, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_file_of_a_run_has_the_permissions_of_the_umask(umask: int, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "run", Checkpoint(build("compact").eval()))
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"model.json", "model.safetensors"}
    assert {mode(path) for path in (tmp_path / "run").iterdir()} == {0o666 & ~umask}
    write_tensors({"x": torch.zeros(1)}, tmp_path / "again.safetensors")
    with committed(tmp_path / "text") as partial:
        partial.write_text("x")
    assert mode(tmp_path / "again.safetensors") == mode(tmp_path / "text") == 0o666 & ~umask


def test_an_interrupted_write_leaves_no_file(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        with committed(path) as partial:
            partial.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail(tmp_path / "x.bin")
    assert list(tmp_path.iterdir()) == []
