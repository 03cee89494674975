"""The processor on which a network computes. Names of devices are known without torch."""

from __future__ import annotations

from re import fullmatch
from typing import TYPE_CHECKING

from deepaq.errors import UserError

if TYPE_CHECKING:
    import torch

CPU = "cpu"
_BATCH = 16  # pairs that a GPU takes together


def batch_of(name: str) -> int:
    """Return the number of pairs to compare together on the device of that name."""
    return 1 if name == CPU else _BATCH


def check_device(name: str) -> None:
    """Raise UserError for what names no device, whether there is one or not."""
    if not fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise UserError(f"device={name}: give cpu, cuda, cuda:1 or auto")


def device_of(name: str) -> torch.device:
    """Return a device by its name: `cpu`, `cuda`, `cuda:1`, or `auto`, which is a GPU if there is one.

    Raises UserError for other names and for a GPU that cannot be used here.
    """
    import torch

    check_device(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else CPU
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device={name}: no GPU can be used here; use the device cpu")
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise UserError(f"device={name}: the GPUs here are numbered from 0 to {torch.cuda.device_count() - 1}")
    return device
