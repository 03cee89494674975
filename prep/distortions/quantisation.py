"""Uniform quantisation without dither: too few bits."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity


def _quantise(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Quantise to mid-tread steps, 2^bits of which span the range from -peak to +peak."""
    step = np.abs(samples).max() * 2 ** (1 - parameters["bits"])
    return np.rint(samples / step) * step if step > 0 else samples


QUANTISATION = Distortion("quantisation", _quantise, by_severity(bits=(11, 9, 7, 5, 4)))
