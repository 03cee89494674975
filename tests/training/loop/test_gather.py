"""Several processes learn what one would."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from deepaq.errors import UserError
from tests.conftest import ROOT
from tests.training.together import CLIPS, KINDS, gradients
from training import recipe
from training.fit import Options, fit
from training.loop.gather import World

ENV = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gradients of four and of two gloo processes."""
    folder = tmp_path_factory.mktemp("together")
    command = [sys.executable, "-m", "tests.training.together", str(folder)]
    subprocess.run(command, cwd=ROOT, env=ENV, check=True, timeout=300)
    return folder


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_one_process(found: Path, kind: str, size: int) -> None:
    alone = gradients(kind, slice(0, CLIPS))
    together = load_file(found / f"{kind}-{size}.safetensors")
    assert set(together) == set(alone)
    assert sum(bool(gradient.any()) for gradient in alone.values()) > len(alone) / 3
    for name, gradient in alone.items():
        torch.testing.assert_close(together[name], gradient, rtol=0, atol=1e-10)


def test_torchrun_trains_as_one_process_does(labelled: Path, tmp_path: Path) -> None:
    overrides = ["backbone.width=16", "backbone.blocks=1", "backbone.clip_dropout=0.0", "data.segment_s=1.0",
                 "data.clips=2", "data.versions=4", "max_steps=4", "epoch_steps=2"]  # fmt: skip
    cache = tmp_path / "cache"
    arguments = ["fit", str(labelled), "--out", str(tmp_path / "two"), "--cache", str(cache), "-q"]
    for override in overrides:
        arguments += ["-o", override]
    script = tmp_path / "launch.py"
    script.write_text("from training.cli import main\nmain()\n")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    subprocess.run([*launcher, *arguments], cwd=ROOT, env=ENV, check=True, timeout=300, capture_output=True)
    fit(labelled, tmp_path / "one", recipe.load("compact", overrides), Options(cache=cache, quiet=True))
    for name in ("steps.csv", "epochs.csv"):
        two, one = (list(csv.DictReader((tmp_path / run / name).open())) for run in ("two", "one"))
        assert len(two) == len(one) > 0
        for row, wanted in zip(two, one, strict=True):
            values = {key: float(value) for key, value in wanted.items() if key not in ("audio_s_per_s", "wait_s")}
            assert {key: float(row[key]) for key in values} == pytest.approx(values, rel=1e-3, abs=1e-5)


def test_batches_that_cannot_be_shared_evenly_are_refused() -> None:
    world = World(1, 4, torch.device("cpu"))
    assert world.share(8) == slice(2, 4)
    with pytest.raises(
        UserError, match=r"batch of 5 segments cannot be shared evenly by 4 processes; change data.clips"
    ):
        world.share(5)
