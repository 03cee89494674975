"""How fast a network trains here, measured in a moment, to predict how long a run takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from deepaq.backbones.backbone import Backbone

_ROWS = {"cpu": 1, "cuda": 32}  # segments that are timed at once
_COPIES = 12  # that a loss and its gradient make of the points, as measured by tests/bench/memory.py


@dataclass(frozen=True)
class Pace:
    """Per second of audio: wall seconds of a training step and of an evaluation, and bytes that a step takes beside
    the network's weights."""

    step: float
    judge: float
    memory: float


def pace(network: Backbone, segment_s: float, device: torch.device, bfloat16: bool) -> Pace:
    """Time a forward and backward pass on noise, and a forward pass alone; nothing of the network changes.

    The front is left out: it is computed once, or part of the network itself.
    """
    rows, training = _ROWS.get(device.type, 1), network.training
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        samples = (rows, round(segment_s * network.sample_rate))
        shape = samples if network.channels == 1 else (rows, network.channels, samples[1])
        noise = 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            front = network.front(noise).to(device)
        network.train()
        memory = _memory(network, front, bfloat16)  # a step in advance, for the first one is slower
        step = _timed(lambda: _step(network, front, bfloat16), device)
        network.eval()
        with torch.inference_mode():
            judge = _timed(lambda: network.embed_both(front), device)
    network.zero_grad(set_to_none=True)
    network.train(training)
    return Pace(*(found / (rows * segment_s) for found in (step, judge, memory)))


def _memory(network: Backbone, front: Tensor, bfloat16: bool) -> int:
    """Take a step and return the bytes that the network keeps between its passes, and those of the loss."""
    sizes = {}
    known = {tensor.untyped_storage().data_ptr() for tensor in (front, *network.parameters(), *network.buffers())}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        points = _step(network, front, bfloat16)
    return sum(sizes.values()) + _COPIES * points.nbytes


def _step(network: Backbone, front: Tensor, bfloat16: bool) -> Tensor:
    with torch.autocast(front.device.type, torch.bfloat16, enabled=bfloat16):
        points = network.embed(front)
    points.float().sum().backward()
    return points.detach()


def _timed(function: Callable[[], object], device: torch.device) -> float:
    begun = time.perf_counter()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun
