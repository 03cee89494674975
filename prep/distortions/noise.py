"""Stationary noise at a signal-to-noise ratio over the whole clip, independent in each channel."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity

_PINK_FROM_HZ = 20.0


def _white(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    return samples + at_snr(rng.standard_normal(samples.shape, np.float32), samples, parameters["snr_db"])


def _pink(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    size = next_fast_len(len(samples), real=True)
    spectrum = rfft(rng.standard_normal((size, samples.shape[1]), np.float32), axis=0)
    slope = np.maximum(rfftfreq(size, 1 / sample_rate), _PINK_FROM_HZ) ** -0.5
    pink = irfft(spectrum * slope[:, None].astype(np.float32), size, axis=0)[: len(samples)]
    return samples + at_snr(pink, samples, parameters["snr_db"])


def at_snr(noise: np.ndarray, samples: Samples, snr_db: float) -> np.ndarray:
    """Scale `noise` to `snr_db` below `samples` in mean power over all channels."""
    power, wanted = float(np.mean(noise**2)), float(np.mean(samples**2)) / 10 ** (snr_db / 10)
    return noise * np.float32((wanted / power) ** 0.5) if power > 0 else noise


NOISE = Distortion("noise", _white, by_severity(snr_db=(50, 40, 30, 20, 10)))
PINK_NOISE = Distortion("pink-noise", _pink, by_severity(snr_db=(45, 35, 26, 18, 10)))
