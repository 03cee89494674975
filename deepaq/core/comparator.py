"""What a metric needs to measure the distance between two signals. Free of torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from deepaq.audio import Samples
from deepaq.errors import UserError

Values = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Compared:
    """What was found at every step of two signals; arrays of (steps,).

    distance: 0 for identical steps. tracks: the parts that the distance is the sum of, by name. added, missing:
    loudness that the degraded signal adds and lacks, relative to that of the reference, `loudness`; None if the
    comparator does not tell them apart.
    """

    distance: Values
    tracks: dict[str, Values]
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
    licence: ClassVar[str] = "Apache-2.0"  # of what is stored with the model

    @property
    def power(self) -> float:
        """Exponent of the mean over time: 1 is the plain mean, 2 the root mean square."""
        return 1.0

    def nominal_gain(self, reference: Samples) -> float:
        """The factor, from the beginning of the reference, that both signals are multiplied with before `compare`."""
        return 1.0

    def can_compare(self, reference: Samples) -> bool:
        """False for segments that the comparator cannot take."""
        return True

    @abstractmethod
    def compare(self, reference: Samples, degraded: Samples) -> Compared:
        """Compare two aligned, equally long signals, the degraded one with its gain removed if it is not to count."""

    def require_level(self) -> None:
        """Raise UserError if a gain makes no distance."""
        if not self.hears_level:
            raise UserError(f"the network {self.name} does not hear level, so a gain cannot be scored")
