"""The learning rate, and when to stop: functions of the step and of the scores so far, with no state to save."""

from __future__ import annotations

import math
from collections.abc import Sequence

from training.settings import Optimiser


def learning_rate(settings: Optimiser, step: int, max_steps: int, scores: Sequence[float]) -> float:
    """The rate for step number `step`, from 0, after epochs with these scores, the higher the better."""
    rate = settings.lr * min(1.0, (step + 1) / (settings.warmup_steps + 1))
    if settings.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * min(1.0, step / max_steps)))
    if settings.schedule == "plateau":
        return rate * settings.decay ** drops(scores, settings.patience)
    return rate


def drops(scores: Sequence[float], patience: int) -> int:
    """How often more than `patience` epochs went by without improvement; the count starts anew after each."""
    best, waited, count = -math.inf, 0, 0
    for score in scores:
        best, waited = (score, 0) if score > best else (best, waited + 1)
        if waited > patience:
            count, waited = count + 1, 0
    return count


def stagnant(scores: Sequence[float]) -> int:
    """Epochs since the best one."""
    return len(scores) - 1 - max(range(len(scores)), key=lambda epoch: scores[epoch]) if scores else 0
