"""Damage in time and frequency: spectral holes of starved coders, musical noise, masks of source separation."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity
from prep.distortions.noise import at_snr
from prep.distortions.spectrogram import Spectrogram

_WINDOW_S = 0.046
_HOLES_FROM_HZ = 500.0
_OVER_SUBTRACTION = 2.0


def _spectral_holes(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Make birdies: switch off third-octave bands above 500 Hz for about 46 ms at random."""
    spectrogram = Spectrogram(sample_rate, _WINDOW_S)
    spectra = spectrogram.of(samples)
    bands = spectrogram.bands()
    tiles = rng.random((bands[-1] + 1, spectra.shape[2] // 4 + 1)) < parameters["share"]
    off = tiles[bands][:, np.arange(spectra.shape[2]) // 4] & (spectrogram.hz >= _HOLES_FROM_HZ)[:, None]
    return spectrogram.back(np.where(off, 0, spectra), len(samples))


def _musical_noise(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Leave tonal chirps, as spectral subtraction does of white noise (Boll 1979; over-subtraction: Berouti 1979)."""
    noise = at_snr(rng.standard_normal(samples.shape, np.float32), samples, parameters["snr_db"])
    spectrogram = Spectrogram(sample_rate, _WINDOW_S)
    spectra = spectrogram.of(samples + noise)
    floor = np.mean(np.abs(spectrogram.of(noise)) ** 2, axis=2, keepdims=True)
    power = np.abs(spectra) ** 2
    gain = np.sqrt(np.clip(1 - _OVER_SUBTRACTION * floor / np.maximum(power, np.finfo(np.float32).tiny), 0, 1))
    return spectrogram.back(spectra * gain, len(samples))


def _separation(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Extract the clip from a mixture with its own reverse by the ideal binary mask.

    The result has the artefacts of separation: holes, musical noise and leakage of the other source.
    """
    other = np.roll(samples[::-1], int(rng.integers(len(samples))), axis=0) * 10 ** (-parameters["sir_db"] / 20)
    spectrogram = Spectrogram(sample_rate, _WINDOW_S)
    wanted, unwanted = spectrogram.of(samples), spectrogram.of(other.astype(np.float32))
    kept = np.abs(wanted) > np.abs(unwanted)
    return spectrogram.back(np.where(kept, wanted + unwanted, 0), len(samples))


SPECTRAL_HOLES = Distortion("spectral-holes", _spectral_holes, by_severity(share=(0.03, 0.1, 0.25, 0.45, 0.7)))
MUSICAL_NOISE = Distortion("musical-noise", _musical_noise, by_severity(snr_db=(40.0, 30.0, 22.0, 14.0, 6.0)))
SEPARATION = Distortion("separation", _separation, by_severity(sir_db=(20.0, 12.0, 4.0, -4.0, -12.0)))
