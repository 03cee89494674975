"""Weights in NumPy: read from a safetensors file and compared with what is wanted, and written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from deepaq.audio import Samples
from deepaq.audio.container import reason
from deepaq.errors import UserError

FILE = "model.safetensors"
Shape = tuple[int, ...]


def read(folder: Path, shapes: Mapping[str, Shape]) -> dict[str, Samples]:
    """Read the weights of a model; UserError unless they have these names and shapes, and are finite float32.

    The header of the file is compared before memory is taken for the weights.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    try:
        with safe_open(path, "np") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            check_shapes(found, shapes, str(path))
            tensors: dict[str, Samples] = {name: file.get_tensor(name) for name in found}
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be loaded ({reason(error)}); train or copy the run again") from None
    for name, values in tensors.items():
        if values.dtype != np.float32 or not np.isfinite(values).all():
            raise UserError(
                f"{path}: {name} holds NaN or infinite weights, or is not float32; copy or train the run again"
            )
    return tensors


def write(tensors: Mapping[str, Samples], folder: Path) -> None:
    """Write the weights of a model."""
    from safetensors.numpy import save

    (folder / FILE).write_bytes(save(dict(tensors)))


def check_shapes(found: Mapping[str, Shape], wanted: Mapping[str, Shape], origin: str) -> None:
    """Raise UserError when a tensor is missing, unknown or of another shape."""
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    wrong = [name for name in wanted if name in found and wanted[name] != found[name]]
    for names, what in ((missing, "lacks"), (extra, "has the unknown"), (wrong, "has another shape for")):
        if names:
            raise UserError(
                f"{origin}: {what} {names[0][:200]} ({len(names)} of {len(wanted)} tensors); these are other weights"
            )
