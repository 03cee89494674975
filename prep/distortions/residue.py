"""Residue of source separation: Wiener masks and a leaked source; the other source is the clip itself, reversed."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity
from prep.distortions.noise import at_snr
from prep.distortions.spectrogram import Spectrogram

_WINDOW_S = 0.046


def _wiener(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Pull the clip out of a mixture with the ideal Wiener mask, the share of its power in every bin."""
    spectrogram = Spectrogram(sample_rate, _WINDOW_S)
    other = _other(samples, parameters["sir_db"], rng)
    wanted, unwanted = spectrogram.of(samples), spectrogram.of(other.astype(np.float32))
    power, noise = np.abs(wanted) ** 2, np.abs(unwanted) ** 2
    mask = power / np.maximum(power + noise, np.finfo(np.float32).tiny)
    return spectrogram.back(mask * (wanted + unwanted), len(samples))


def _leak(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Add the other source where it is the louder one: what a mask lets through when it takes the wrong side."""
    spectrogram = Spectrogram(sample_rate, _WINDOW_S)
    other = _other(samples, 0.0, rng)
    wanted, unwanted = spectrogram.of(samples), spectrogram.of(other.astype(np.float32))
    leaked = spectrogram.back(np.where(np.abs(unwanted) > np.abs(wanted), unwanted, 0), len(samples))
    return samples + at_snr(leaked, samples, parameters["sir_db"])


def _other(samples: Samples, sir_db: float, rng: np.random.Generator) -> np.ndarray:
    """The clip reversed and shifted at random, `sir_db` below it."""
    return np.roll(samples[::-1], int(rng.integers(len(samples))), axis=0) * 10 ** (-sir_db / 20)


WIENER_MASK = Distortion("wiener-mask", _wiener, by_severity(sir_db=(20.0, 12.0, 4.0, -4.0, -12.0)))
LEAKAGE = Distortion("leakage", _leak, by_severity(sir_db=(36.0, 28.0, 20.0, 12.0, 4.0)))
