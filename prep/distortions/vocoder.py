"""Mel inversion: high bands made anew from band energies alone, as vocoders and parametric coders do."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, rfft, rfftfreq

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity

_WINDOW_S = 0.023
_OVERLAP = 4
_ITERATIONS, _MOMENTUM = 10, 0.99


def _vocode(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Reduce the spectrum above `from_hz` to mel band energies and find phases for them, starting from random ones.

    Phases by the fast Griffin-Lim algorithm (Perraudin et al., WASPAA 2013); mel scale of O'Shaughnessy 1987.
    """
    size = _OVERLAP * max(16, round(_WINDOW_S * sample_rate / _OVERLAP))
    spectra = _spectra(samples, size)
    hz = rfftfreq(size, 1 / sample_rate)
    above = slice(int(np.searchsorted(hz, parameters["from_hz"])), None)
    mel = np.log10(1 + hz[above] / 700) / np.log10(1 + 22_050 / 700)
    starts = np.flatnonzero(np.diff(np.floor(mel * parameters["bands"]), prepend=-1))
    if not len(starts):
        return samples
    widths = np.diff(starts, append=len(mel))
    power = np.add.reduceat(np.abs(spectra[..., above]) ** 2, starts, axis=-1) / widths
    magnitude = np.repeat(np.sqrt(power), widths, axis=-1)
    phase = np.exp(2j * np.pi * rng.random(magnitude.shape, np.float32)).astype(np.complex64)
    before: np.ndarray = np.zeros((), np.complex64)
    for _ in range(_ITERATIONS):
        spectra[..., above] = magnitude * phase
        consistent = _spectra(_samples(spectra, size, len(samples)), size)[..., above]
        moved = consistent + np.float32(_MOMENTUM) * (consistent - before)
        before = consistent
        phase = moved / np.maximum(np.abs(moved), np.finfo(np.float32).tiny)
    spectra[..., above] = magnitude * phase
    return _samples(spectra, size, len(samples))


def _spectra(samples: Samples, size: int) -> np.ndarray:
    """(frames, channels) -> complex64 (channels, columns, bins), with root-Hann windows that overlap fourfold."""
    padded = np.pad(samples, ((size, 2 * size - len(samples) % (size // _OVERLAP)), (0, 0)))
    columns = np.lib.stride_tricks.sliding_window_view(padded, size, axis=0)[:: size // _OVERLAP]
    return np.asarray(rfft(columns.transpose(1, 0, 2) * _window(size)))


def _samples(spectra: np.ndarray, size: int, frames: int) -> Samples:
    """(channels, columns, bins) -> (frames, channels) by overlap and add."""
    hop = size // _OVERLAP
    columns = irfft(spectra, size) * _window(size) * np.float32(2 / _OVERLAP)
    channels, count, _ = columns.shape
    total = np.zeros((channels, count + _OVERLAP - 1, hop), np.float32)
    for part in range(_OVERLAP):
        total[:, part : part + count] += columns[:, :, part * hop : (part + 1) * hop]
    return np.ascontiguousarray(total.reshape(channels, -1)[:, size : size + frames].T)


def _window(size: int) -> np.ndarray:
    return np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


VOCODER = Distortion(
    "vocoder",
    _vocode,
    by_severity(from_hz=(8_000.0, 4_000.0, 2_000.0, 800.0, 0.0), bands=(160, 120, 90, 64, 40)),
)
