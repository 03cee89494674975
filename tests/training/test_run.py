"""Runs that are broken off, go on, go wrong or end early."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

import deepaq
from deepaq.errors import UserError
from tests.conftest import ROOT
from tests.training.small import SMALL, small
from tests.training.test_recipe import TINY
from training import recipe
from training.cli import main
from training.fit import Options, fit
from training.loop import log, state
from training.results.folder import resumed


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Sums are the same, bit for bit, only for the same number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def finished(labelled: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A run of two steps, never to be changed."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    fit(labelled, out, small("max_steps=2"), Options(cache=cache, quiet=True))
    return out


def table(run: Path, name: str = log.STEPS) -> list[dict[str, Any]]:
    timed = ("audio_s_per_s", "wait_s")
    return [{key: value for key, value in row.items() if key not in timed} for row in log.read(run / name)]


def start(labelled: Path, out: Path, cache: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from training.cli import main; main()", "fit", str(labelled)]
    command += ["--out", str(out), "--cache", str(cache), "-q", *arguments]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    env = {**os.environ, "PYTHONPATH": str(ROOT), **threads}
    return subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    for _ in range(15_000):  # a busy machine takes minutes to start a process
        if path.exists():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError(f"{path} did not appear")


def test_a_run_that_was_stopped_and_killed_ends_like_one_that_was_left_alone(
    labelled: Path, tmp_path: Path, cache: Path
) -> None:
    steps = 40
    overrides = [f"max_steps={steps}", "epoch_steps=20", "run.save_steps=4"]
    options = [part for override in [*SMALL, *overrides] for part in ("-o", override)]
    out, alone = tmp_path / "broken", tmp_path / "alone"
    process = start(labelled, out, cache, *options)
    wait_for(state.place(out, 8), process)
    process.send_signal(signal.SIGTERM)
    assert "interrupted" in process.communicate(timeout=120)[1]
    assert process.returncode == 130
    stopped = int(state.newest(out).name)
    assert 8 <= stopped < steps
    assert table(out)[-1]["step"] == stopped
    assert not (out / "model.json").exists()
    process = start(labelled, out, cache, *options)
    wait_for(state.place(out, stopped // 4 * 4 + 8), process)
    process.kill()
    process.communicate(timeout=60)
    assert stopped < int(state.newest(out).name) < steps
    with pytest.raises(UserError, match="holds a run with other settings"):
        fit(labelled, out, small(*overrides, "seed=1"), Options(cache=cache, quiet=True))
    fit(labelled, out, small(*overrides), Options(cache=cache, quiet=True))
    fit(labelled, alone, small(*overrides), Options(cache=cache, quiet=True))
    for name in (log.STEPS, log.EPOCHS):
        assert table(out, name) == table(alone, name)
    weights = [load_file(run / "model.safetensors") for run in (out, alone)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_what_a_resumed_run_may_not_change(labelled: Path, tmp_path: Path, cache: Path, finished: Path) -> None:
    out = shutil.copytree(finished, tmp_path / "run")
    assert resumed(out, ("max_steps=3",)).max_steps == 3
    with pytest.raises(UserError, match=r"-o optimiser.lr=1: a resumed run keeps its settings, except"):
        resumed(out, ("optimiser.lr=1",))
    done = CliRunner().invoke(main, ["fit", str(labelled), "--out", str(out), "--resume", "--recipe", "compact"])
    assert (done.exit_code, "--resume keeps the run's own settings" in done.stderr) == (2, True)
    with pytest.raises(UserError, match="holds no run to resume"):
        resumed(tmp_path / "nowhere", ())
    settings = json.loads((out / "settings.json").read_text())
    settings["data"]["share"] = 0.5
    other = recipe.from_json(settings)
    with pytest.raises(UserError, match="was trained on other rows or labels"):
        fit(labelled, out, other, Options(resume=True, cache=cache, quiet=True))


@pytest.mark.parametrize("harm", ["optimiser.safetensors", "state.json", "model.safetensors"])
def test_a_damaged_state_is_named(labelled: Path, tmp_path: Path, cache: Path, finished: Path, harm: str) -> None:
    out = shutil.copytree(finished, tmp_path / "run")
    (state.place(out, 2) / harm).write_bytes(b"torn")
    with pytest.raises(UserError, match=r"00000002(: is damaged|.*cannot be loaded)"):
        fit(labelled, out, resumed(out, ()), Options(resume=True, cache=cache, quiet=True))


def test_what_ended_before_its_first_state_begins_anew(
    labelled: Path, tmp_path: Path, cache: Path, finished: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    shutil.copy(finished / "settings.json", out)
    assert fit(labelled, out, small("max_steps=2"), Options(cache=cache, quiet=True))["steps"] == 2
    (out / "SHA256SUMS").unlink()  # killed just before the end
    before = load_file(out / "model.safetensors")
    fit(labelled, out, small("max_steps=2"), Options(cache=cache, quiet=True))
    after = load_file(out / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="is not empty; choose another folder"):
        fit(labelled, tmp_path / "mine", small("max_steps=2"), Options(cache=cache, quiet=True))


def test_without_a_state_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no saved state"):
        state.newest(tmp_path)


def test_a_loss_that_is_not_finite_stops_and_names_its_batch(labelled: Path, tmp_path: Path, cache: Path) -> None:
    with pytest.raises(UserError, match=r"is not finite at step \d; its batch is listed in .*bad-batch.json"):
        fit(labelled, tmp_path, small("max_steps=9", "optimiser.lr=1e30"), Options(cache=cache, quiet=True))
    found = json.loads((tmp_path / "bad-batch.json").read_text())
    assert len(found["rows"]) == 8
    assert all((labelled / row["path"]).is_file() and row["start_s"] >= 0 for row in found["rows"])
    assert not (tmp_path / "model.json").exists()


def test_training_stops_when_nothing_improves(labelled: Path, tmp_path: Path, cache: Path) -> None:
    settings = small("max_steps=50", "epoch_steps=1", "run.stop_after=2", "optimiser.lr=1e-12")
    assert fit(labelled, tmp_path, settings, Options(cache=cache, quiet=True))["steps"] == 3


def test_the_best_network_is_kept_when_asked(labelled: Path, tmp_path: Path, cache: Path) -> None:
    settings = small("max_steps=6", "epoch_steps=1", "run.keep=best", "optimiser.lr=0.05")
    result = fit(labelled, tmp_path, settings, Options(cache=cache, quiet=True))
    epochs = log.read(tmp_path / log.EPOCHS)
    found = result["validation"]["trained"]
    score = found["full"]["all"]["srcc"] + found["unmatched"]["all"]["srcc"]
    assert score == pytest.approx(max(row["score"] for row in epochs))
    assert len({row["score"] for row in epochs}) > 1


def test_overwriting_leaves_nothing_of_the_run_before(
    labelled: Path, tmp_path: Path, cache: Path, finished: Path
) -> None:
    options = Options(cache=cache, quiet=True, overwrite=True)
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    shutil.copytree(state.place(tmp_path, 2), tmp_path / "best")
    (tmp_path / "notes.txt").write_text("mine")
    fit(labelled, tmp_path, small("max_steps=1"), options)
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["00000001"]
    assert len(table(tmp_path)) == 1
    assert not (tmp_path / "best").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(UserError, match="holds a run with other settings"):
        fit(labelled, tmp_path, small(), Options(cache=cache, quiet=True))


@pytest.mark.parametrize("mode", ["lora", "full"])
def test_a_transformer_goes_on_with_its_adapter_and_moments(
    labelled: Path, tmp_path: Path, cache: Path, mode: str
) -> None:
    """In bfloat16 too, and through a state that holds no pretrained weights when LoRA is trained."""
    overrides = ["backbone.init=random", f"backbone.mode={mode}", "data.segment_s=1.0", "data.clips=2",
                 "data.versions=4", "max_steps=4", "epoch_steps=4", "run.save_steps=2", "run.precision=bfloat16",
                 *(f"backbone.config.{key}={value}" for key, value in TINY.items())]  # fmt: skip
    fit(labelled, tmp_path / "whole", recipe.load("deepaq", overrides), Options(cache=cache, quiet=True))
    shutil.copytree(tmp_path / "whole", tmp_path / "broken")
    shutil.rmtree(state.place(tmp_path / "broken", 4))
    fit(labelled, tmp_path / "broken", resumed(tmp_path / "broken", ()), Options(resume=True, cache=cache, quiet=True))
    assert table(tmp_path / "broken") == table(tmp_path / "whole")
    scores = [deepaq.load(tmp_path / run) for run in ("whole", "broken")]
    samples = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (1, 24_000)).astype(np.float32))
    assert torch.equal(*(metric.embed(samples) for metric in scores))
    assert (state.place(tmp_path / "broken", 4) / "adapter_model.safetensors").exists() is (mode == "lora")


def test_the_run_is_written_down(labelled: Path, tmp_path: Path, cache: Path) -> None:
    from tensorboardX.proto.event_pb2 import Event

    settings = small("max_steps=4", "epoch_steps=2", "run.mapping=mlp", "run.save_steps=1", "run.trace=1")
    result = fit(labelled, tmp_path, settings, Options(cache=cache, quiet=True))
    steps, epochs = log.read(tmp_path / log.STEPS), log.read(tmp_path / log.EPOCHS)
    assert [row["step"] for row in steps] == [1, 2, 3, 4]
    assert [path.name for path in sorted((tmp_path / "state").iterdir())] == ["00000003", "00000004"]
    assert {"loss", "lr", "gradient", "full_mos", "full_bitrate", "unmatched_regression", "wait_s"} <= set(steps[0])
    assert any("aten::" in event["name"] for event in json.loads((tmp_path / "trace.json").read_text())["traceEvents"])
    assert {"score", "full_srcc", "full_pcc", "unmatched_srcc"} <= set(epochs[0])
    (events,) = (tmp_path / "tensorboard").iterdir()
    content, tags = events.read_bytes(), set()
    while content:  # TFRecord: length, its checksum, the event, its checksum
        length = int.from_bytes(content[:8], "little")
        event = Event.FromString(content[12 : 12 + length])
        tags |= {(value.tag, event.step) for value in event.summary.value}
        content = content[16 + length :]
    assert {("steps/loss", 4), ("epochs/score", 2)} <= tags
    model = json.loads((tmp_path / "model.json").read_text())
    assert model["info"]["data"]["clips"] == 5
    assert model["info"]["provenance"]["tools"]["torch"] == version("torch")
    assert (model["full"]["kind"], model["unmatched"]["kind"]) == ("mlp", "mlp")
    assert set(result["mapping"]["full"]) == {"exponential", "cubic", "mlp"}
    found = result["validation"]["trained"]["full"]
    assert 0 <= found["codecs"]["cross_codec"] <= 1
    assert found["opus"]["bitrate"] is None  # two bitrates make no correlation
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in ("curves.png", "predicted.png"))
