"""Phase dispersion: frequencies arrive at different times, as after crossovers and long chains of filters."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity

_LOWEST_HZ, _HIGHEST_HZ, _Q = 150.0, 12_000.0, 12.0
_SECTIONS = (1, 3, 8, 20, 50)
_TAIL_S = 0.5


def _disperse(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Pass the signal through `sections` all-pass filters of second order, one after another.

    Each delays the band around its frequency f by 2 Q / (pi f): 25 ms at 300 Hz, 2 ms at 4 kHz.
    """
    sections = round(parameters["sections"])
    # Golden-ratio steps: however many, they cover the octaves evenly.
    hz = _LOWEST_HZ * (_HIGHEST_HZ / _LOWEST_HZ) ** ((rng.random() + np.arange(sections) * (5**0.5 - 1) / 2) % 1)
    size = next_fast_len(len(samples) + round(_TAIL_S * sample_rate), real=True)
    frequencies = rfftfreq(size, 1 / sample_rate)
    phase = np.zeros(len(frequencies))
    for centre in hz[hz < 0.45 * sample_rate]:
        ratio = frequencies / centre
        phase -= 2 * np.arctan2(ratio / _Q, 1 - ratio**2)  # phase of (1 - r^2 - j r/Q) / (1 - r^2 + j r/Q)
    spectrum = rfft(samples, size, axis=0) * np.exp(1j * phase).astype(np.complex64)[:, None]
    return np.asarray(irfft(spectrum, size, axis=0))[: len(samples)]


PHASE_DISPERSION = Distortion("phase-dispersion", _disperse, by_severity(sections=_SECTIONS))
