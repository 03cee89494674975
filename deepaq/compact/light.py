"""The compact network with weights in NumPy, which scores without torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepaq import tensors
from deepaq.audio import Samples
from deepaq.compact import network
from deepaq.compact.settings import CompactSettings, CompactTraits
from deepaq.core.comparator import Comparator, Compared, Values


class LightCompact(CompactTraits, Comparator):
    """Scores like `deepaq.backbones.compact.Compact`, once `restore` has read the weights.

    settings: those of `CompactSettings`.
    """

    def __init__(self, **settings: Any) -> None:
        self.made = CompactSettings(**settings)
        self.pooling = network.pooling(self.made.blocks, self.made.projected)
        self.tensors: dict[str, Samples] = {}

    @property
    def power(self) -> float:
        return self.pooling.power

    def settings(self) -> dict[str, Any]:
        return asdict(self.made)

    def weights(self) -> Iterator[tuple[str, bytes]]:
        for name, values in sorted(self.tensors.items()):
            yield name, values.tobytes()

    def parameter_counts(self) -> dict[str, int]:
        statistics = ("clip.mean", "clip.deviation")  # computed, not learned
        count = sum(values.size for name, values in self.tensors.items() if name not in statistics)
        return super().parameter_counts() | dict.fromkeys(("backbone", "trainable", "total"), count)

    def compare(self, reference: Samples, degraded: Samples) -> Compared:
        ours, theirs = (self.embed(network.batch(samples)) for samples in (reference, degraded))
        return Compared(self.pooling.per_step(ours, theirs)[0])

    def embed(self, samples: Samples) -> Samples:
        """Embed (batch, frames), or mid and side, (batch, 2, frames), for a full reference: (batch, steps, dims)."""
        found: Samples = network.embed(network.over_time(samples), self.tensors, self.made.blocks)
        return found

    def clip_point(self, samples: Samples) -> Values:
        return network.clip_point(samples, self.head())

    def head(self) -> dict[str, Samples]:
        """The weights of the clip head."""
        named = network.CLIP
        return {name.removeprefix(named): values for name, values in self.tensors.items() if name.startswith(named)}

    def save(self, folder: Path) -> None:
        tensors.write(self.tensors, folder)

    def restore(self, folder: Path) -> None:
        made = self.made
        self.tensors = tensors.read(folder, network.shapes(made.width, made.blocks, made.projected, made.clip_dims))
