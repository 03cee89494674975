"""Scoring on a device, in batches, with references that are embedded once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import deepaq
from deepaq.backbones.backbone import Backbone, build
from deepaq.cli import main
from deepaq.core.memory import Memory
from deepaq.errors import UserError
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.metric import Metric
from deepaq.scoring.score import Score
from tests.deepaq.backbones.shrunken import TINY
from tests.sounds import RATE, music, write

needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="tests the refusal where there is no GPU")


def tiny() -> Metric:
    torch.manual_seed(0)
    return Metric(Checkpoint(build("mert", init="random", config=TINY, dims=8).eval()))


def noisy(sound: np.ndarray, seed: int) -> np.ndarray:
    return sound + np.float32(0.01) * np.random.default_rng(seed).standard_normal(sound.shape).astype(np.float32)


@pytest.mark.parametrize(("name", "shape"), [("compact", (2, 2, 96_000)), ("plain", (2, 96_000))])
def test_no_tensor_is_left_on_another_device(name: str, shape: tuple[int, ...]) -> None:
    """On torch's meta device, an operation with a tensor of the CPU raises an error."""
    network = build(name).eval().to("meta")
    samples = torch.zeros(shape, device="meta")
    assert network.embed_audio(samples).is_meta
    assert network.embed_clip(network.describe(network.front(samples))).is_meta


@needs_no_gpu
@pytest.mark.parametrize("command", [["score", "a.wav", "b.wav"], ["embed", "a.wav", "--out", "points.npz"]])
def test_a_device_that_is_not_here_is_refused(command: list[str]) -> None:
    done = CliRunner().invoke(main, [*command, "--model", "compact-2026a", "--device", "cuda"])
    assert done.exit_code == 2
    assert "device=cuda: no GPU can be used here" in done.output


@pytest.mark.parametrize("model", [None, "compact-2026a"])
def test_an_unknown_device_is_refused(model: str | None) -> None:
    with pytest.raises(UserError, match="device=gpu: give cpu, cuda, cuda:1 or auto"):
        deepaq.load(model, device="gpu")


@needs_no_gpu
def test_auto_is_the_cpu_without_a_gpu() -> None:
    network = deepaq.load("compact-2026a", device="auto").backbone
    assert isinstance(network, Backbone)
    assert network.device == torch.device("cpu")


@pytest.mark.parametrize("model", [None, "compact-2026a", "mert"])
def test_a_batch_scores_like_single_pairs(model: str | None, tmp_path: Path) -> None:
    metric = tiny() if model == "mert" else deepaq.load(model)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    sounds = [music(seconds, seed) for seed, seconds in enumerate((2.0, 11.5, 3.0, 2.0))]
    pairs = [(str(write(tmp_path / f"{i}.wav", sound)), noisy(sound, i)) for i, sound in enumerate(sounds)]
    files = [(clean, write(tmp_path / f"{i}-noisy.wav", sound)) for i, (clean, sound) in enumerate(pairs)]
    files.insert(1, (pairs[0][0], broken))
    files.insert(3, (pairs[0][0], tmp_path / "missing.wav"))
    single, batched = metric.score_many(files), metric.score_many(files, batch=3)
    assert [isinstance(answer, UserError) for answer in single] == [False, True, False, True, False, False]
    for one, other in zip(single, batched, strict=True):
        if isinstance(one, Score) and isinstance(other, Score):
            assert other.distance == pytest.approx(one.distance, rel=1e-4, abs=1e-6)
            assert other.segments[-1].start_s == one.segments[-1].start_s
            assert other.notes == one.notes
        else:
            assert str(one) == str(other)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_reference_is_embedded_once_for_all_its_degraded_versions(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric, sound, embedded = tiny(), music(3, 1), []
    embed = metric.backbone.embed_audio  # type: ignore[attr-defined]
    monkeypatch.setattr(
        metric.backbone, "embed_audio", lambda samples: (embedded.append(len(samples)), embed(samples))[1]
    )
    found = metric.score_many([(sound, noisy(sound, seed)) for seed in range(6)], sample_rate=RATE, batch=batch)
    assert sum(embedded) == 1 + 6
    fresh = tiny().score(sound, noisy(sound, 5), sample_rate=RATE)
    last = found[-1]
    assert isinstance(last, Score)
    assert last.distance == pytest.approx(fresh.distance, rel=1e-4)


def test_a_memory_forgets_what_was_not_used_for_longest() -> None:
    memory = Memory(capacity=2 * 40)
    for name in (b"a", b"b"):
        memory.keep(name, torch.zeros(10))
    assert memory.get(b"a") is not None
    memory.keep(b"c", torch.zeros(10))
    assert memory.get(b"b") is None
    assert memory.get(b"a") is not None
    assert memory.get(b"c") is not None


def test_signals_with_different_channels_have_different_keys() -> None:
    samples = np.zeros(8, np.float32)
    assert Memory.key(samples) != Memory.key(samples.reshape(4, 2))
