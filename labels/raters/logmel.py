"""Log-mel distance: the baseline that every learned distance has to beat."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from labels.raters.rater import Judge, Rater, Rating
from labels.raters.spectrum import FRAME, power_spectra

BANDS = 128
FLOOR = 1e-10  # -100 dB relative to a sine of full scale


class LogMel(Rater):
    """Mean absolute difference of log-mel spectra in dB, for the mean of the channels: 128 triangular bands up to
    24 kHz, floored at -100 dBFS."""

    name = "log-mel"
    scale = "dB"
    sample_rate = 48_000
    identity = 0.0
    higher_is_better = False
    aligned = True
    shortest_s = FRAME / sample_rate

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")
        clean = _log_mel(reference)

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            return Rating(float(np.abs(_log_mel(degraded) - clean).mean()))

        return rate


def _log_mel(samples: Samples) -> Samples:
    bands: Samples = 10 * np.log10(np.maximum(power_spectra(samples) @ _bank(), FLOOR))
    return bands


def _bank() -> Samples:
    """Triangular bands of height 1, evenly spaced on the mel scale of O'Shaughnessy (1987): (bins, bands)."""
    nyquist = LogMel.sample_rate / 2
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + nyquist / 700), BANDS + 2) / 2595) - 1)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    hertz = np.linspace(0, nyquist, FRAME // 2 + 1)[:, None]
    triangles = np.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre))
    return np.clip(triangles, 0, None).astype(np.float32)
