"""Scale-invariant signal-to-distortion ratio: a baseline without any model of hearing."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from labels.raters.rater import Judge, Rater, Rating

LARGEST_DB = 100.0  # the ratio of identical signals is infinite


class SiSdr(Rater):
    """SI-SDR in dB of both channels together, within -100 to 100 (Le Roux et al. 2019, "SDR - Half-Baked or Well
    Done?", equation 3)."""

    name = "si-sdr"
    scale = "dB"
    sample_rate = 48_000
    channels = 2
    identity = LARGEST_DB
    aligned = True

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")
        clean = reference.ravel().astype(np.float64)
        power = float(np.dot(clean, clean))

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            found = degraded.ravel().astype(np.float64)
            target = float(np.dot(found, clean)) / power * clean
            error = found - target
            wanted, unwanted = float(np.dot(target, target)), float(np.dot(error, error))
            least = 10 ** (-LARGEST_DB / 10) * (wanted + unwanted)
            return Rating(10 * float(np.log10(max(wanted, least) / max(unwanted, least))))

        return rate
