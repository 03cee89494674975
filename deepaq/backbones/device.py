"""The processor on which a network computes."""

from __future__ import annotations

from re import fullmatch

import torch

from deepaq.errors import UserError


def device_of(name: str) -> torch.device:
    """Return a device by its name: `cpu`, `cuda`, `cuda:1`, or `auto`, which is a GPU if there is one.

    Raises UserError for other names and for a GPU that cannot be used here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not fullmatch(r"cpu|cuda(:\d+)?", name):
        raise UserError(f"device={name}: give cpu, cuda, cuda:1 or auto")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device={name}: no GPU can be used here; use the device cpu")
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise UserError(f"device={name}: the GPUs here are numbered from 0 to {torch.cuda.device_count() - 1}")
    return device
