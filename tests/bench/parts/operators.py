"""Counts calls of torch's operators: each costs microseconds on a CPU and a kernel on a GPU."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.profiler import profile

from tests.training.objective.test_objective import table
from training.objective import terms as objective
from training.objective.batch import Labeller
from training.objective.curve import Curve
from training.settings import Contrast, Objective


def called(function: Callable[[], object]) -> int:
    """Calls of operators while `function` runs, those that others call too."""
    with profile() as found:
        function()
    return sum(event.name.startswith("aten::") for event in found.events())


def of_loss(clips: int, codings: int, steps: int, weights: Objective) -> int:
    """Calls in the loss and its gradient, for points of that many steps. codings: bitrates of each of two codecs."""
    rows = table(clips, (16, 32, 64, 96, 128)[:codings])
    labels = Labeller(rows)(np.arange(len(rows)))
    points, curve = torch.randn(len(rows), steps, 4, requires_grad=True), Curve(4.7)
    return called(lambda: objective.full(points, labels, curve, weights, Contrast()).total.backward())
