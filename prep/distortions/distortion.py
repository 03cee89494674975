"""A distortion: one way of damaging audio that needs no codec, in five grades."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from deepaq.audio import Samples

Parameters = Mapping[str, float]
Apply = Callable[[Samples, int, Parameters, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Distortion:
    """name: as in condition names. apply: (samples (frames, channels), Hz, grade, generator) -> as many samples.

    grades: the parameters of severity 1 (hardly audible) to 5 (very annoying), each worse than the one before.
    codecs: True when a coding program takes part, whose version then belongs to the settings.
    version: raised whenever the samples that it makes change, so that old and new versions never mix.
    """

    name: str
    apply: Apply
    parameters: tuple[Parameters, ...]
    codecs: bool = False
    version: int = 1

    @property
    def severities(self) -> range:
        return range(1, len(self.parameters) + 1)


def by_severity(**parameters: tuple[float, ...]) -> tuple[Parameters, ...]:
    """Parameter tuples, one value per severity, as one mapping per severity."""
    return tuple(dict(zip(parameters, values, strict=True)) for values in zip(*parameters.values(), strict=True))
