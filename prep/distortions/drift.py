"""Sample-rate drift: two clocks that do not agree, so that the signal runs a little fast."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity


def _drift(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Play the samples so many parts per million too fast, in step with the original in the middle of the clip.

    The ends, which then lack samples, are silent: 1.5 ms of 10 s at 300 ppm.
    """
    import soxr

    speed = 1 + 1e-6 * parameters["ppm"]
    fast = soxr.resample(samples, sample_rate * speed, sample_rate, quality="VHQ")[: len(samples)]
    before = (len(samples) - len(fast)) // 2
    return np.pad(fast, ((before, len(samples) - len(fast) - before), (0, 0)))


RATE_DRIFT = Distortion("rate-drift", _drift, by_severity(ppm=(10, 50, 200, 800, 4_000)))
