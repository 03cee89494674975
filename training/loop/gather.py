"""Several processes that train as one: torchrun starts them, each holds its share of every batch.

Every process computes the whole loss on everybody's points. The gather is differentiable, so that the mean over
processes of the parameters' gradients is exactly the gradient of one process that held the whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from deepaq.errors import UserError


@dataclass(frozen=True)
class World:
    """rank: number of this process, from 0. size: how many there are. device: where this one computes."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes files and talks."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's part of `count` equal things; UserError when they cannot be shared out evenly."""
        if count % self.size:
            raise UserError(f"{count} clips cannot be shared evenly by {self.size} processes; change data.clips")
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)


def decodes() -> bool:
    """Whether this process is the one of its machine that prepares files for the others."""
    return int(os.environ.get("LOCAL_RANK", 0)) == 0


def join(device: str = "auto") -> World:
    """Find the other processes that torchrun started; alone without it.

    device: `cpu`, `cuda`, `cuda:1`, or `auto`: a GPU where there is one.
    """
    rank, size, local = (int(os.environ.get(name, default)) for name, default in _VARIABLES)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    place = torch.device(device)
    if place.type == "cuda":
        if not torch.cuda.is_available():
            raise UserError(f"device={device}: no GPU can be used here; set device=cpu")
        place = torch.device("cuda", local if place.index is None else place.index)
        torch.cuda.set_device(place)
    if size > 1 and not dist.is_initialized():
        # Others may come late: one process of every machine first decodes the audio.
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo", timeout=timedelta(hours=12))
    return World(rank, size, place)


_VARIABLES = (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))


def leave() -> None:
    """Part from the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def gathered(values: Tensor) -> Tensor:
    """(n, ...) of every process -> (processes x n, ...) on all of them, in the order of their ranks; differentiable.

    The gradient of a process's own rows is the sum over all processes' losses.
    """
    if not dist.is_initialized():
        return values
    result: Tensor = _Gather.apply(values)
    return result


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.rows = len(values)
        parts = [torch.empty_like(values) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, values.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        start = dist.get_rank() * ctx.rows
        return total[start : start + ctx.rows]


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace every gradient by its mean over the processes, which have gradients of the same parameters."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not dist.is_initialized() or not gradients:
        return
    together = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(together)
    together /= dist.get_world_size()
    for gradient, part in zip(gradients, together.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def equalise(tensors: Iterable[Tensor]) -> None:
    """Give every process the first one's values."""
    if dist.is_initialized():
        for tensor in tensors:
            dist.broadcast(tensor.detach(), 0)


def added(values: Tensor) -> Tensor:
    """The sum over the processes, on all of them; no gradient."""
    total = values.detach().clone()
    if dist.is_initialized():
        dist.all_reduce(total)
    return total


def wait() -> None:
    """Until every process has come here."""
    if dist.is_initialized():
        dist.barrier()
