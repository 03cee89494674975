"""Pre-echo: noise of a transform coder without window switching, spread over the block before an attack."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity
from prep.distortions.spectrogram import Spectrogram


def _pre_echo(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Quantise the spectra of long blocks at the same signal-to-noise ratio in every third-octave band.

    A uniform step D gives noise of power D^2 / 6 in a complex coefficient. The offset of the steps is random
    (subtractive dither), so that weak coefficients become noise instead of zero.
    """
    spectrogram = Spectrogram(sample_rate, parameters["milliseconds"] / 1000, overlap=2)
    spectra = spectrogram.of(samples)
    starts = np.flatnonzero(np.diff(spectrogram.bands(), prepend=-1))
    widths = np.diff(starts, append=len(spectrogram.hz))
    power = np.add.reduceat(np.abs(spectra) ** 2, starts, axis=1) / widths[:, None]
    step = np.repeat(np.sqrt(6 * power / 10 ** (parameters["snr_db"] / 10)), widths, axis=1)
    divisor = np.where(step > 0, step, 1)
    dither = rng.random((2, *spectra.shape), np.float32)
    real = (np.rint(spectra.real / divisor + dither[0]) - dither[0]) * step
    imaginary = (np.rint(spectra.imag / divisor + dither[1]) - dither[1]) * step
    return spectrogram.back(real + 1j * imaginary, len(samples))


PRE_ECHO = Distortion(
    "pre-echo", _pre_echo, by_severity(milliseconds=(23, 46, 93, 140, 190), snr_db=(18.0, 13.0, 8.0, 4.0, 0.0))
)
