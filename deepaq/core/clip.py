"""A judge of whole clips without their references: the clip head of a compact network, without torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from deepaq.audio import Samples
from deepaq.core.comparator import Comparator, Compared
from deepaq.core.description import SIZE, describe
from deepaq.core.filterbank import SAMPLE_RATE
from deepaq.errors import UserError

FILE = "model.safetensors"
HIDDEN = 64
_LARGEST = 1024


class Clip(Comparator):
    """Standardised statistics of the mid signal -> 64 -> dims. It embeds clips and compares no pairs."""

    name = "clip"
    sample_rate = SAMPLE_RATE
    segment_s = 10.0
    shortest_s = 0.25
    channels = 2
    clip_head = True

    def __init__(self, dims: int = 16) -> None:
        if type(dims) is not int or not 1 <= dims <= _LARGEST:
            raise ValueError(f"dims is a whole number from 1 to {_LARGEST}")
        self.dims = dims
        shapes = {
            "mean": (SIZE,),
            "deviation": (SIZE,),
            "layers.1.weight": (HIDDEN, SIZE),
            "layers.1.bias": (HIDDEN,),
            "layers.3.weight": (dims, HIDDEN),
            "layers.3.bias": (dims,),
        }
        self.tensors: dict[str, Samples] = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}

    def settings(self) -> dict[str, Any]:
        return {"dims": self.dims}

    def compare(self, reference: Samples, degraded: Samples) -> Compared:
        raise UserError(f"the model {self.name} compares no pairs; it scores with --no-reference or --against")

    def clip_point(self, samples: Samples) -> Samples:
        """Embed mid, (frames,), or mid and side, (frames, 2), whose side does not count: -> (dims,)."""
        tensors = self.tensors
        described = describe(samples if samples.ndim == 1 else np.ascontiguousarray(samples[:, 0]))
        hidden = tensors["layers.1.weight"] @ ((described - tensors["mean"]) / tensors["deviation"])
        hidden += tensors["layers.1.bias"]
        hidden *= [0.5 + 0.5 * math.erf(value / math.sqrt(2)) for value in hidden]  # GELU
        found: Samples = tensors["layers.3.weight"] @ hidden + tensors["layers.3.bias"]
        return found

    def weights(self) -> Iterator[tuple[str, bytes]]:
        for name, values in sorted(self.tensors.items()):
            yield name, values.tobytes()

    def parameter_counts(self) -> dict[str, int]:
        count = sum(values.size for name, values in self.tensors.items() if name.startswith("layers"))
        return super().parameter_counts() | {"backbone": count, "total": count}

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save

        (folder / FILE).write_bytes(save(self.tensors))

    def restore(self, folder: Path) -> None:
        from safetensors import SafetensorError, safe_open

        path = folder / FILE
        try:
            with safe_open(path, "np") as file:
                found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
                if found != {name: values.shape for name, values in self.tensors.items()}:
                    raise UserError(f"{path}: holds other tensors than the clip head; copy the model again")
                tensors = {name: file.get_tensor(name) for name in found}
        except (OSError, ValueError, SafetensorError) as error:
            raise UserError(f"{path}: cannot be loaded ({str(error).splitlines()[0]}); copy the model again") from None
        for name, values in tensors.items():
            if values.dtype != np.float32 or not np.isfinite(values).all():
                raise UserError(f"{path}: {name} holds other values than finite float32; copy the model again")
        self.tensors = tensors
