"""Find by how many samples a codec's output is late, with a signal made for it, and trim that."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import lfilter

from deepaq.audio import Samples

_SECONDS = 3.0
_LONGEST_S = 1.0  # that a codec may be late, or early


def probe(sample_rate: int, seed: int) -> Samples:
    """Noise with the spectrum of music and bursts at random times: float32 (frames, 2), peak 0.5.

    Nothing in it repeats, so that its correlation with what a codec makes of it has one peak.
    """
    rng = np.random.default_rng(seed)
    frames = round(_SECONDS * sample_rate)
    noise = lfilter(
        [1.0], [1.0, -0.95], rng.standard_normal((frames, 1)) + 0.3 * rng.standard_normal((frames, 2)), axis=0
    )
    bursts = np.zeros(frames)
    for start in rng.integers(0, frames, 30):
        length = frames - start
        bursts[start:] += rng.uniform(0.3, 1) * np.exp(-np.arange(length) / (0.05 * sample_rate))
    sound = noise * (0.05 + bursts)[:, None]
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def between(reference: Samples, degraded: Samples, sample_rate: int) -> int:
    """Samples by which `degraded` (frames,) is late: the largest correlation within a second, whatever its sign."""
    size = next_fast_len(len(reference) + len(degraded), real=True)
    correlation = np.abs(irfft(rfft(degraded, size) * np.conj(rfft(reference, size)), size))
    reach = min(round(_LONGEST_S * sample_rate), size // 2 - 1)
    lags = np.concatenate([np.arange(reach + 1), np.arange(-reach, 0)])
    return int(lags[np.argmax(correlation[lags])])


def trimmed(samples: Samples, late: int) -> Samples:
    """`samples` (frames, channels) without a delay of `late` samples; a negative one is filled with silence."""
    return samples[late:] if late >= 0 else np.pad(samples, ((-late, 0), (0, 0)))
