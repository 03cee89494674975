"""The metric inside a training loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import deepaq
from deepaq.audio import resample
from deepaq.errors import UserError
from deepaq.scoring.metric import Metric
from tests.deepaq.scoring.test_metric import metric
from tests.sounds import RATE, music


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return music(3, 1)


def test_the_distance_is_a_loss_and_quality_a_running_mean(sound: np.ndarray) -> None:
    ours = metric()
    clean = torch.from_numpy(resample(sound, RATE, 48_000).T[None].copy())
    worse = (clean + 0.01 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))).requires_grad_()
    loss = deepaq.Distance(ours)
    value = loss(worse, clean)
    arrays = (signal[0].detach().T.numpy() for signal in (clean, worse))
    assert ours.score(*arrays, sample_rate=48_000).distance == pytest.approx(float(value.detach()), rel=1e-4)
    value.sum().backward()
    assert worse.grad is not None
    assert float(worse.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in loss.parameters())
    better = (worse - 1e-2 * worse.grad.sign() * (worse - clean).abs()).detach()
    assert float(loss(better, clean)) < float(value.detach())
    quality = deepaq.Quality(ours)
    first, second = quality(clean, clean), quality(worse.detach(), clean)
    assert float(quality.compute()) == pytest.approx((float(first) + float(second)) / 2, rel=1e-5)
    quality.reset()
    quality.update(clean, clean)
    assert float(quality.compute()) == pytest.approx(4.732, abs=1e-3)
    with pytest.raises(UserError, match="give two equal"):
        loss(worse, clean[:, :, 1:])
    with pytest.raises(UserError, match="resample first"):
        deepaq.Distance(ours, sample_rate=16_000)
    with pytest.raises(UserError, match="plain does not hear level"):
        deepaq.Distance(metric("plain"), match_level=False)


def precise(metric: Metric, sound: np.ndarray) -> tuple[deepaq.Distance, torch.Tensor, torch.Tensor, float]:
    clean = torch.from_numpy(resample(sound, RATE, 48_000).T[None, :, :48_000].copy())
    worse = clean + 0.01 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    loss = deepaq.Distance(metric)
    return loss, worse, clean, float(loss(worse, clean))


@pytest.mark.parametrize("name", ["compact", "plain"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_signals_of_any_precision_give_the_same_distance_and_a_gradient(
    sound: np.ndarray, name: str, dtype: torch.dtype
) -> None:
    loss, worse, clean, exact = precise(metric(name), sound)
    given = worse.to(dtype).requires_grad_()
    rounded = float(loss(given.detach().float(), clean.to(dtype).float()))  # what rounding the signals changes
    found = loss(given, clean.to(dtype))
    assert float(found.detach()) == pytest.approx(rounded, rel=1e-5)
    assert float(found.detach()) == pytest.approx(exact, rel=0.2 if dtype == torch.bfloat16 else 0.02)
    found.sum().backward()
    assert given.grad is not None
    assert given.grad.dtype == dtype
    assert float(given.grad.double().abs().sum()) > 0


@pytest.mark.parametrize("name", ["compact", "plain"])
def test_moving_the_loss_to_another_precision_does_not_round_its_weights(sound: np.ndarray, name: str) -> None:
    loss, worse, clean, exact = precise(metric(name), sound)
    assert float(loss.bfloat16()(worse, clean)) == exact
    assert float(torch.nn.Sequential(loss).half()[0](worse, clean)) == exact
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert float(loss(worse, clean)) == exact
    assert float(loss.double()(worse.double(), clean.double())) == pytest.approx(exact, rel=1e-4)


def test_integers_are_refused(sound: np.ndarray) -> None:
    loss, worse, clean, _ = precise(metric(), sound)
    with pytest.raises(UserError, match="give floating point"):
        loss((32767 * worse).short(), (32767 * clean).short())
