"""Hard clipping: overdriven converters and mastering."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity


def _clip(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Clip at the level exceeded by the given share of samples, which also suits quiet clips."""
    level = np.quantile(np.abs(samples), 1 - parameters["share"])
    return np.clip(samples, -level, level)


CLIPPING = Distortion("clipping", _clip, by_severity(share=(0.005, 0.02, 0.06, 0.15, 0.35)))
