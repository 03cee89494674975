"""The contract of comparators, which measure the distance between two signals; independent of torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from deepaq.arrays import Array
from deepaq.audio import Samples
from deepaq.core.memory import Memory
from deepaq.errors import UserError

Values = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Compared:
    """Comparison of two signals at every time step; arrays of shape (steps,).

    distance: 0 for identical steps. tracks: by name, the parts that sum to the distance; empty for a network. added,
    missing, loudness: loudness added by the degraded signal, missing from it, and of the reference; None for a network.
    """

    distance: Values
    tracks: dict[str, Values] = field(default_factory=dict)
    added: Values | None = None
    missing: Values | None = None
    loudness: Values | None = None


class Comparator(ABC):
    """Compares signals of (frames,), mono, or with two channels (frames, 2), mid and side, at `sample_rate`."""

    name: ClassVar[str]
    sample_rate: ClassVar[int]  # Hz
    segment_s: ClassVar[float]  # length of the segments in which long audio is scored
    shortest_s: ClassVar[float]  # length of the shortest audio that can be scored
    channels: ClassVar[int] = 1  # 2: the stereo image counts, too
    hears_level: ClassVar[bool] = False  # True: a gain makes a distance
    clip_head: ClassVar[bool] = False  # True: can describe a signal without its reference
    licence: ClassVar[str] = "Apache-2.0"  # licence of the files stored with the model

    @property
    def power(self) -> float:
        """Exponent of the mean over time: 1 is the plain mean, 2 the root mean square."""
        return 1.0

    def nominal_gain(self, reference: Array) -> Array:
        """Factor to apply to both signals before `compare`, from the beginning of mid: (..., frames) -> (...)."""
        return 1.0

    def can_compare(self, reference: Samples) -> bool:
        """False for segments that the comparator cannot take."""
        return True

    @abstractmethod
    def compare(self, reference: Samples, degraded: Samples) -> Compared:
        """Compare two aligned, equally long signals, the degraded one with its gain removed if it is not to count."""

    def compare_many(self, pairs: Sequence[tuple[Samples, Samples]], memory: Memory | None = None) -> list[Compared]:
        """Compare several pairs, each as by `compare`. memory: embeddings of references met before, for networks."""
        return [self.compare(*pair) for pair in pairs]

    def clip_point(self, samples: Samples) -> Values:
        """Embed a signal without its reference: (dims,), comparable across content; UserError if it cannot."""
        raise UserError(f"the model {self.name} judges no signal without its reference")

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the arguments that make an equal comparator, JSON-serialisable."""

    def weights(self) -> Iterator[tuple[str, bytes]]:
        """Yield the trained weights by name, in a fixed order; none by default."""
        return iter(())

    def save(self, folder: Path) -> None:  # noqa: B027
        """Write the trained weights into `folder`; nothing by default."""

    def restore(self, folder: Path) -> None:  # noqa: B027
        """Read what `save` wrote; UserError when a file is missing or does not fit."""

    def parameter_counts(self) -> dict[str, int]:
        """Return the numbers of parameters: backbone, lora, head, trainable, total."""
        return dict.fromkeys(("backbone", "lora", "head", "trainable", "total"), 0)

    def require_level(self) -> None:
        """Raise UserError if a gain makes no distance."""
        if not self.hears_level:
            raise UserError(f"the network {self.name} does not hear level, so a gain cannot be scored")
