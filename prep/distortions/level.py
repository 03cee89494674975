"""A level that moves: pumping of dynamics processors, and jumps as of a badly switched or concealed stream.

The mean change in dB over time is 0, so that what remains is not one level for another but its movement.
"""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity

_PERIOD_S = (0.3, 1.0)  # of a pumping gain, as of releases of dynamics processors
_JUMP_S = 1.2  # between jumps, on average
_EDGE_S = 0.01


def _pump(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """A gain that falls at once and recovers evenly, in decibels, again and again."""
    period = rng.uniform(*_PERIOD_S)
    phase = (np.arange(len(samples)) / sample_rate / period + rng.random()) % 1
    return _amplified(samples, parameters["decibels"] * (phase - 0.5), sample_rate)


def _jump(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Stretches of about a second, in turn louder and softer by half of so many decibels."""
    count = max(2, round(len(samples) / sample_rate / _JUMP_S))
    edges = (np.arange(1, count) + rng.uniform(-0.3, 0.3, count - 1)) / count
    place = np.searchsorted(edges, np.arange(len(samples)) / len(samples))
    up = np.where((place + rng.integers(2)) % 2, 0.5, -0.5)
    return _amplified(samples, parameters["decibels"] * (up - up.mean()), sample_rate)


def _amplified(samples: Samples, decibels: np.ndarray, sample_rate: int) -> np.ndarray:
    """Gains over time, (frames,), with their corners blended over some milliseconds so that there is no click."""
    size = min(len(samples), max(1, round(_EDGE_S * sample_rate)))
    padded = np.pad(decibels, (size // 2, size - 1 - size // 2), mode="edge")
    total = np.cumsum(np.insert(padded, 0, 0.0))
    return samples * (10 ** ((total[size:] - total[:-size]) / size / 20)).astype(np.float32)[:, None]


PUMPING = Distortion("pumping", _pump, by_severity(decibels=(1.0, 2.5, 5.0, 9.0, 15.0)))
LEVEL_JUMPS = Distortion("level-jumps", _jump, by_severity(decibels=(1.0, 2.0, 4.0, 8.0, 15.0)))
