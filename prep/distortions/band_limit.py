"""Band limits, as in anchors, old carriers and telephones: linear-phase filters without delay."""

from __future__ import annotations

import numpy as np
from scipy.signal import firwin, oaconvolve

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity

_TRANSITION_S = 0.01  # length of the filter: a transition band of about 400 Hz, -6 dB at the cut-off


def _lowpass(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    return _filtered(samples, sample_rate, parameters["cutoff_hz"])


def _highpass(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    return samples - _filtered(samples, sample_rate, parameters["cutoff_hz"])


def _filtered(samples: Samples, sample_rate: int, cutoff_hz: float) -> np.ndarray:
    """Remove frequencies above the cut-off; returns the same samples if it is not below half the sample rate."""
    if cutoff_hz >= sample_rate / 2:
        return samples
    taps = firwin(2 * round(_TRANSITION_S * sample_rate / 2) + 1, cutoff_hz, window="blackman", fs=sample_rate)
    return oaconvolve(samples, taps.astype(np.float32)[:, None], mode="full", axes=0)[len(taps) // 2 :][: len(samples)]


LOWPASS = Distortion("lowpass", _lowpass, by_severity(cutoff_hz=(14_000, 10_000, 7_000, 5_000, 3_500)))
HIGHPASS = Distortion("highpass", _highpass, by_severity(cutoff_hz=(150, 300, 700, 1_500, 3_000)))
