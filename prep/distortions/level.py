"""A level that moves: pumping and expanding dynamics processors, jumps of a badly switched or concealed stream.

The mean change in dB over time is 0, so that what remains is not one level for another but its movement.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import oaconvolve

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity

_PERIOD_S = (0.3, 1.0)  # period of a pumping gain, as with releases of dynamics processors
_JUMP_S = 1.2  # between jumps, on average
_EDGE_S = 0.01
_LEVEL_S, _MOST_DB = 0.05, 12.0


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


def _spread(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Dynamics stretched by an expander: loud segments louder and soft ones softer, by a factor of their level in dB.

    The level is that of all channels over about 50 ms; it is stretched around its mean over the audible part, by at
    most 12 dB.
    """
    size = max(1, min(len(samples), round(_LEVEL_S * sample_rate)))
    power = np.mean(samples.astype(np.float64) ** 2, axis=1)
    kernel = np.hanning(size + 2)[1:-1]
    smooth = oaconvolve(power, kernel / kernel.sum(), mode="same")
    level = 10 * np.log10(np.maximum(smooth, 1e-4 * power.mean() + 1e-20))
    change = np.clip((parameters["factor"] - 1) * (level - level.mean()), -_MOST_DB, _MOST_DB)
    return _amplified(samples, change - change.mean(), sample_rate)


def _amplified(samples: Samples, decibels: np.ndarray, sample_rate: int) -> np.ndarray:
    """Gains over time, (frames,), with their corners blended over some milliseconds so that there is no click."""
    size = min(len(samples), max(1, round(_EDGE_S * sample_rate)))
    padded = np.pad(decibels, (size // 2, size - 1 - size // 2), mode="edge")
    total = np.cumsum(np.insert(padded, 0, 0.0))
    return samples * (10 ** ((total[size:] - total[:-size]) / size / 20)).astype(np.float32)[:, None]


PUMPING = Distortion("pumping", _pump, by_severity(decibels=(1.0, 2.5, 5.0, 9.0, 15.0)))
LEVEL_SPREAD = Distortion("level-spread", _spread, by_severity(factor=(1.06, 1.15, 1.3, 1.55, 2.0)))
LEVEL_JUMPS = Distortion("level-jumps", _jump, by_severity(decibels=(1.0, 2.0, 4.0, 8.0, 15.0)))
