"""Reverberation: exponentially decaying noise (Polack's model of a room), different in each channel."""

from __future__ import annotations

import numpy as np
from scipy.signal import oaconvolve

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity

_PREDELAY_S = 0.005


def _reverberate(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Add to the direct sound a tail that falls by 60 dB in `rt60_s` and has 1 / drr of its energy."""
    time = np.arange(round(parameters["rt60_s"] * sample_rate), dtype=np.float32) / np.float32(sample_rate)
    decay = np.exp(-np.log(1000) * time / parameters["rt60_s"]).astype(np.float32)
    tail = rng.standard_normal((len(time), samples.shape[1]), np.float32) * decay[:, None]
    tail *= 10 ** (-parameters["drr_db"] / 20) / np.sqrt(np.sum(tail**2, axis=0))
    late = np.pad(tail, ((round(_PREDELAY_S * sample_rate), 0), (0, 0)))
    return samples + oaconvolve(samples, late, axes=0)[: len(samples)]


REVERBERATION = Distortion(
    "reverberation", _reverberate, by_severity(rt60_s=(0.3, 0.5, 0.8, 1.2, 2.0), drr_db=(18.0, 12.0, 7.0, 2.0, -3.0))
)
