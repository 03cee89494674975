"""Learning rates and the end of training."""

from __future__ import annotations

import pytest
import torch

from training.loop.schedule import drops, learning_rate, stagnant
from training.settings import Optimiser


@pytest.mark.parametrize("patience", [0, 2, 5])
def test_plateau_is_that_of_torch(patience: int) -> None:
    scores = [0.1, 0.2, 0.2, 0.1, 0.3, 0.3, 0.3, 0.2, 0.3, 0.1, 0.1, 0.1, 0.4, 0.1]
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    known = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, mode="max", factor=0.5, patience=patience, threshold=0.0
    )
    settings = Optimiser(lr=1.0, schedule="plateau", decay=0.5, patience=patience)
    for epoch, score in enumerate(scores, start=1):
        known.step(score)
        assert learning_rate(settings, 0, 1, scores[:epoch]) == pytest.approx(optimiser.param_groups[0]["lr"])


def test_the_papers_plateau_waits_ten_epochs() -> None:
    assert drops([1.0] + [0.5] * 10, 10) == 0
    assert drops([1.0] + [0.5] * 11, 10) == 1


def test_cosine_falls_from_the_rate_to_nothing() -> None:
    settings = Optimiser(lr=2.0, schedule="cosine")
    rates = [learning_rate(settings, step, 10, []) for step in range(11)]
    assert (rates[0], rates[5], rates[10]) == (2.0, pytest.approx(1.0), pytest.approx(0.0, abs=1e-12))
    assert rates == sorted(rates, reverse=True)


def test_warming_up_rises_to_the_rate() -> None:
    settings = Optimiser(lr=1.0, schedule="constant", warmup_steps=3)
    assert [learning_rate(settings, step, 10, []) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_stagnation_counts_from_the_best_epoch() -> None:
    assert [stagnant([]), stagnant([1.0]), stagnant([1.0, 0.5, 0.7]), stagnant([1.0, 2.0])] == [0, 0, 2, 0]
