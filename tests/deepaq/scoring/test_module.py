"""The metric inside a training loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import deepaq
from deepaq.audio import resample
from deepaq.errors import UserError
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
