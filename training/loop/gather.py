"""Several processes that train as one: torchrun starts them, each holds its share of every batch.

Every process computes the whole loss on the points of all. The gather is differentiable, so that the mean over
processes of the parameters' gradients is exactly the gradient of one process with the whole batch.
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

from deepaq.backbones.device import device_of as device_by_name
from deepaq.errors import UserError


@dataclass(frozen=True)
class World:
    """The processes that share the work. rank: number of this one, from 0. size: how many. device: of this one."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """True for the process that writes files and prints."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Return this process's part of a batch of `count` segments; UserError when it cannot be shared evenly."""
        check_share(count, self.size)
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)


def rank() -> int:
    """Return the number of this process, from 0."""
    return int(os.environ.get("RANK", 0))


def processes() -> int:
    """Return the number of processes that torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", 1))


def processes_here() -> int:
    """Return the number of processes that torchrun started on this machine; 1 without it."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def check_share(count: int, processes: int) -> None:
    """UserError when a batch of `count` segments cannot be shared evenly by that many processes."""
    if count % processes:
        raise UserError(
            f"a batch of {count} segments cannot be shared evenly by {processes} processes; change data.clips or"
            " data.versions, whose product is its size"
        )


def decodes() -> bool:
    """True for the one process of its machine that prepares files for the others."""
    return int(os.environ.get("LOCAL_RANK", 0)) == 0


def device_of(device: str) -> torch.device:
    """Return the device of this process by the name of `run.device`, and use TF32 on a GPU where autocast is off."""
    place = device_by_name(device)
    if place.type == "cuda":
        torch.set_float32_matmul_precision("high")
        local = int(os.environ.get("LOCAL_RANK", 0))
        place = torch.device("cuda", local if place.index is None else place.index)
        torch.cuda.set_device(place)
    return place


def join(place: torch.device) -> World:
    """Join the other processes that torchrun started, computing on `place`; without torchrun there is one."""
    size = processes()
    if size > 1 and not dist.is_initialized():
        # The others may wait long: one process of every machine first decodes the audio.
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo", timeout=timedelta(hours=12))
    return World(rank(), size, place)


def leave() -> None:
    """Leave the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def gathered(values: Tensor) -> Tensor:
    """Concatenate (n, ...) of every process to (processes x n, ...) on all, in the order of ranks; differentiable.

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
    """Replace every gradient by its mean over the processes, which have the same parameters."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not dist.is_initialized() or not gradients:
        return
    together = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(together)
    together /= dist.get_world_size()
    for gradient, part in zip(gradients, together.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def equalise(tensors: Iterable[Tensor]) -> None:
    """Copy the first process's values to all."""
    if dist.is_initialized():
        for tensor in tensors:
            dist.broadcast(tensor.detach(), 0)


def added(values: Tensor) -> Tensor:
    """Return the sum over the processes, on all of them, without gradient."""
    total = values.detach().clone()
    if dist.is_initialized():
        dist.all_reduce(total)
    return total


def wait() -> None:
    """Wait until every process has come here."""
    if dist.is_initialized():
        dist.barrier()
