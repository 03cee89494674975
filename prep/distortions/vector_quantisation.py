"""Vector-quantised spectra: the residual vector quantisers of neural codecs, starved of codebooks."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity
from prep.distortions.spectrogram import Spectrogram

_WINDOW_S = 0.023
_BINS = 4  # neighbouring complex bins in a vector
_ENTRIES = 64  # entries of a codebook
_BATCH = 1 << 15  # vectors quantised at once


def _quantise(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Code every vector of four bins by its gain and a sum of entries of `codebooks` random codebooks.

    Each stage codes what the stages before left over, with the entry and the gain that leave least (shape-gain residual
    vector quantisation, Juang and Gray, ICASSP 1982); its codebook of Gaussian directions needs no training.
    """
    spectrogram = Spectrogram(sample_rate, _WINDOW_S, overlap=2)
    spectra = spectrogram.of(samples)
    channels, bins, columns = spectra.shape
    padded = np.pad(spectra, ((0, 0), (0, -bins % _BINS), (0, 0))).astype(np.complex64)
    vectors = np.ascontiguousarray(padded.reshape(channels, -1, _BINS, columns).transpose(0, 1, 3, 2))
    rest = vectors.view(np.float32).reshape(-1, 2 * _BINS)
    left = rest.copy()
    for _ in range(round(parameters["codebooks"])):
        entries = rng.standard_normal((_ENTRIES, 2 * _BINS), np.float32)
        entries /= np.linalg.norm(entries, axis=1, keepdims=True)
        for start in range(0, len(left), _BATCH):
            batch = left[start : start + _BATCH]
            gains = batch @ entries.T
            best = np.argmax(np.abs(gains), axis=1)
            batch -= gains[np.arange(len(batch)), best, None] * entries[best]
    coded = (rest - left).reshape(channels, -1, columns, 2 * _BINS).view(np.complex64)
    back = coded.transpose(0, 1, 3, 2).reshape(channels, -1, columns)[:, :bins]
    return spectrogram.back(back, len(samples))


VECTOR_QUANTISATION = Distortion("vector-quantisation", _quantise, by_severity(codebooks=(8, 6, 4, 2, 1)))
