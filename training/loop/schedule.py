"""Learning rate and stopping as functions of the step and of the scores so far, without a state to save."""

from __future__ import annotations

import math
from collections.abc import Sequence

from training.settings import Optimiser


def learning_rate(settings: Optimiser, step: int, max_steps: int, scores: Sequence[float]) -> float:
    """Return the rate of step number `step`, from 0, after epochs with these scores; higher is better."""
    rate = settings.lr * min(1.0, (step + 1) / (settings.warmup_steps + 1))
    if settings.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * min(1.0, step / max_steps)))
    if settings.schedule == "plateau":
        return rate * settings.decay ** drops(scores, settings.patience)
    return rate


def drops(scores: Sequence[float], patience: int) -> int:
    """Count how often more than `patience` epochs passed without improvement; each time the count restarts."""
    best, waited, count = -math.inf, 0, 0
    for score in scores:
        best, waited = (score, 0) if score > best else (best, waited + 1)
        if waited > patience:
            count, waited = count + 1, 0
    return count


def stagnant(scores: Sequence[float]) -> int:
    """Return the number of epochs since the best one."""
    return len(scores) - 1 - max(range(len(scores)), key=lambda epoch: scores[epoch]) if scores else 0
