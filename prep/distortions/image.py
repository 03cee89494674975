"""Damage to the stereo image, as by parametric stereo coding, wrong mixing or a broken channel; mono is unchanged."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity


def _narrow(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Attenuate the difference of the channels from their mean; the mean is unchanged."""
    mean = samples.mean(axis=1, keepdims=True)
    return mean + (samples - mean) * parameters["width"]


def _unbalance(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Attenuate one channel."""
    channels = samples.shape[1]
    gains = np.ones(channels, np.float32)
    if channels > 1:
        gains[rng.integers(channels)] = 10 ** (-parameters["decibels"] / 20)
    return samples * gains


NARROWING = Distortion("narrowing", _narrow, by_severity(width=(0.7, 0.45, 0.25, 0.1, 0.0)))
IMBALANCE = Distortion("imbalance", _unbalance, by_severity(decibels=(1.5, 3.0, 6.0, 12.0, 40.0)))
