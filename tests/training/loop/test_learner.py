"""What a training step asks of a processor: operations, waiting, bytes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from deepaq.backbones.backbone import Backbone, build
from tests.bench.parts.operators import of_loss
from tests.deepaq.backbones.published import SMALL
from tests.training.objective.test_objective import table
from training import recipe
from training.data.store import Store
from training.loop.evaluate import ALONE
from training.loop.sampler import Cut
from training.loop.trainer import Trainer
from training.objective import batch
from training.settings import Objective

# Operations whose result decides what is done next, or how large it is: a GPU has to be waited for.
WAITING = ("_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "unique", "equal", "item", "bincount")


class Audible:
    """In place of the cache of decoded audio."""

    rate = 1

    def audible(self, *_: int | float) -> bool:
        return True


class Seen(TorchDispatchMode):
    """Counts the operations that reach the dispatcher, and notes those that wait."""

    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        name = function.__name__.partition(".")[0]
        masked = name in ("index", "index_put", "index_put_") and any(
            place is not None and place.dtype == torch.bool for place in args[1]
        )
        if masked or any(name.lstrip("_").startswith(waiting.lstrip("_")) for waiting in WAITING):
            self.waited.append(name)
        return function(*args, **(kwargs or {}))


def network(kind: str) -> Backbone:
    torch.manual_seed(0)
    if kind == "compact":
        return build("compact", width=16, blocks=1)
    return build("mert", init="random", config={**SMALL, "num_hidden_layers": 1}, dims=8)


def trainer(kind: str) -> Trainer:
    """On noise of two seconds."""
    rows, model = table(clips=6), network(kind)
    generator = torch.Generator().manual_seed(1)
    shape = (2, 96_000) if kind == "compact" else (48_000,)
    fronts = [model.front(0.1 * torch.randn(1, *shape, generator=generator))[0] for _ in range(len(rows))]
    store = Store(rows, Audible(), model.front_rate, fronts)  # type: ignore[arg-type]
    settings = recipe.load("compact" if kind == "compact" else "deepaq", ["data.segment_s=1.0", "data.clips=4"])
    return Trainer(settings, model, store, store, ALONE)


def batch_of(found: Trainer) -> tuple[Cut, Tensor]:
    cut = found.sampler.draw(0)
    return cut, found.sampler.read(cut)


@pytest.mark.parametrize("kind", ["compact", "mert"])
def test_a_step_waits_for_the_processor_once(kind: str) -> None:
    """At its end, for the figures of the log, as one list."""
    found = trainer(kind)
    cut, fronts = batch_of(found)
    found.learner.step(0, cut, fronts, [])
    with Seen() as seen:
        figures = found.learner.step(1, cut, fronts, [])
    assert seen.waited == []
    assert all(math.isfinite(value) for value in figures.values())
    with Seen() as seen:  # what would have been noticed
        torch.ones(2)[torch.ones(2) > 0].sum().item()
    assert seen.waited == ["index", "_local_scalar_dense"]


@pytest.mark.parametrize("kind", ["compact", "mert"])
def test_beside_its_audio_a_batch_brings_a_few_kilobytes(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def counted(tensor: Tensor, device: torch.device) -> Tensor:
        sent.append(tensor.nbytes)
        return tensor.to(device)

    found = trainer(kind)
    cut, fronts = batch_of(found)
    for module in (batch, "training.loop.learner"):
        monkeypatch.setattr(f"{getattr(module, '__name__', module)}.sent", counted)
    found.learner.step(0, cut, fronts, [])
    assert fronts.nbytes == len(cut.rows) * (50 * 312 if kind == "compact" else 24_000) * 4
    assert 0 < sum(sent) < 0.01 * fronts.nbytes


def test_a_batch_is_read_into_memory_that_a_gpu_copies_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pinned pages need a GPU, so their making is noted."""
    pinned: list[int] = []
    monkeypatch.setattr(Tensor, "pin_memory", lambda own: pinned.append(own.nbytes) or own)
    found = trainer("mert")
    batches = found.sampler.stream(0, slice(0, 4), pin=True)
    _, fronts = next(batches)
    batches.close()
    assert set(pinned) == {fronts.nbytes}
    assert batch.sent(torch.zeros(3), torch.device("cpu")).nbytes == 12
    assert set(pinned) == {fronts.nbytes}  # the CPU needs none


def test_the_loss_takes_few_operations_however_large_the_batch_is() -> None:
    """Each costs microseconds on a CPU and a kernel on a GPU. Term by term, the paper's took 1,395."""
    for steps, weights, most in ((1, Objective(), 1_395 / 2.5), (3, Objective(1.0, 1.0, 1.0), 1_395 / 1.8)):
        small, large = (of_loss(clips, codings, steps, weights) for clips, codings in ((2, 2), (8, 3)))
        assert small == large < most
