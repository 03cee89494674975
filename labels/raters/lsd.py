"""Log-spectral distance: a baseline that uses the spectrum, but no model of hearing."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from labels.raters.rater import Judge, Rater, Rating
from labels.raters.spectrum import FRAME, power_spectra

FLOOR = 1e-10  # -100 dB relative to a sine of full scale


class LogSpectralDistance(Rater):
    """Mean over time of the RMS difference over frequency between power spectra in dB (Gray and Markel 1976, "Distance
    Measures for Speech Processing"), for the mean of the channels; spectra are floored at -100 dBFS."""

    name = "lsd"
    scale = "dB"
    sample_rate = 48_000
    identity = 0.0
    higher_is_better = False
    aligned = True
    shortest_s = FRAME / sample_rate

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")
        clean = _decibels(reference)

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            square = np.square(_decibels(degraded) - clean)
            return Rating(float(np.sqrt(square.mean(axis=1)).mean()))

        return rate


def _decibels(samples: Samples) -> Samples:
    spectra: Samples = 10 * np.log10(np.maximum(power_spectra(samples), FLOOR))
    return spectra
