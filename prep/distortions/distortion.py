"""Distortions: damage other than coding, in five severities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from deepaq.audio import Samples

Parameters = Mapping[str, float]
Apply = Callable[[Samples, int, Parameters, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Distortion:
    """A distortion with five severities.

    name: as in condition names. apply: (samples (frames, channels), Hz, parameters, generator) -> as many samples.
    parameters: those of severity 1 (hardly audible) to 5 (very annoying), each worse than the one before.
    codecs: True if it uses a coding program, whose version then belongs to the settings. version: raise it whenever
    the result changes, so that old and new clips never mix.
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
    """Turn tuples with one value per severity into one mapping per severity."""
    return tuple(dict(zip(parameters, values, strict=True)) for values in zip(*parameters.values(), strict=True))
