"""A judge of whole clips without their references: the clip head of a compact network, without torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from deepaq import tensors
from deepaq.audio import Samples
from deepaq.compact import network
from deepaq.compact.settings import LARGEST
from deepaq.core.comparator import Comparator, Compared, Values
from deepaq.core.filterbank import SAMPLE_RATE
from deepaq.errors import UserError


class Clip(Comparator):
    """Standardised statistics of the mid signal -> 64 -> dims. It embeds clips and compares no pairs."""

    name = "clip"
    sample_rate = SAMPLE_RATE
    segment_s = 10.0
    shortest_s = 0.25
    channels = 2
    clip_head = True

    def __init__(self, dims: int = 16) -> None:
        if type(dims) is not int or not 1 <= dims <= LARGEST:
            raise ValueError(f"dims is a whole number from 1 to {LARGEST}")
        self.dims = dims
        shapes = network.clip_shapes(dims)
        self.tensors: dict[str, Samples] = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}

    def settings(self) -> dict[str, Any]:
        return {"dims": self.dims}

    def compare(self, reference: Samples, degraded: Samples) -> Compared:
        raise UserError(f"the model {self.name} compares no pairs; it scores with --no-reference or --against")

    def clip_point(self, samples: Samples) -> Values:
        """Embed mid, (frames,), or mid and side, (frames, 2), whose side does not count: -> (dims,)."""
        return network.clip_point(samples, self.tensors)

    def weights(self) -> Iterator[tuple[str, bytes]]:
        for name, values in sorted(self.tensors.items()):
            yield name, values.tobytes()

    def parameter_counts(self) -> dict[str, int]:
        count = sum(values.size for name, values in self.tensors.items() if name.startswith("layers"))
        return super().parameter_counts() | {"backbone": count, "total": count}

    def save(self, folder: Path) -> None:
        tensors.write(self.tensors, folder)

    def restore(self, folder: Path) -> None:
        self.tensors = tensors.read(folder, network.clip_shapes(self.dims))
