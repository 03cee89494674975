"""Onsets: how the energies of two recordings rise and fall, by which they are compared at any lag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepaq.audio.align import peak
from deepaq.audio.stream import Stream
from deepaq.fourier import hann, irfft, next_fast_len, rfft

RATE = 16_000  # Hz of the streams to be compared
_HOP, _STEPS = 160, 4  # samples from step to step, 10 ms; steps in a window, and between the energies compared
_BLOCK = 1000  # steps that are computed at once
_LOWEST_HZ, _HIGHEST_HZ, _BANDS = 150, 7900, 16
_FLOOR = 1e-4  # share of the mean energy below which nothing counts
_LONGEST_S = 180.0
_LEAST_S = 3.0  # least common part of two recordings
_LEAST_ENERGY = 1e-3  # least share of all changes in it; less is lost in rounding

Values = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Likeness:
    """How alike two recordings are: the highest normalised correlation of their onsets, at most 1.

    A correlation over T seconds is multiplied by T / (T + 1 s), because short parts are alike by chance.

    near, far: the highest within and beyond the largest usual lag. far_s: the lag of the latter in seconds, positive
    when the second recording is late.
    """

    near: float
    far: float
    far_s: float


def likeness(first: Stream, second: Stream, usual_s: float) -> Likeness:
    """Compare the first three minutes of two mono streams at all lags at which they have 3 s or more in common.

    Both are read, at `RATE` Hz.
    """
    ours, theirs = _onsets(first), _onsets(second)
    lags = np.arange(1 - len(ours), len(theirs))
    # Ends of the common part, in the second.
    begin, end = np.maximum(lags, 0), np.minimum(lags + len(ours), len(theirs))
    energy = _energy(ours, begin - lags, end - lags) * _energy(theirs, begin, end)
    enough = _LEAST_ENERGY**2 * np.square(ours).sum(dtype=float) * np.square(theirs).sum(dtype=float)
    counts = ((end - begin) * _HOP >= _LEAST_S * RATE) & (energy > enough)
    if not counts.any():
        return Likeness(0.0, 0.0, 0.0)
    size = next_fast_len(len(ours) + len(theirs))
    cross = (np.conj(rfft(ours, size, axis=0)) * rfft(theirs, size, axis=0)).sum(axis=1)
    alike = np.where(counts, irfft(cross, size)[lags], 0.0) / np.sqrt(np.where(counts, energy, 1.0))
    alike *= (end - begin) / (end - begin + RATE / _HOP)
    usual = np.abs(lags) * _HOP <= usual_s * RATE
    best = int(np.argmax(np.where(usual, 0.0, alike)))
    far = (lags[0] + peak(alike, best)) * _HOP / RATE
    return Likeness(float(alike[usual].max()), float(np.where(usual, 0.0, alike)[best]), float(far))


def _onsets(stream: Stream) -> Values:
    """Changes of the log energies in bands, every 10 ms: (steps, bands), float32."""
    window = _STEPS * _HOP
    bins = np.round(np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BANDS + 1) / RATE * window).astype(int)
    energies, before = [np.empty((0, _BANDS), np.float32)], np.empty(0, np.float32)
    for _ in range(round(_LONGEST_S * RATE) // (_BLOCK * _HOP)):
        samples = np.concatenate([before, stream.read(_BLOCK * _HOP)])
        if len(samples) < window:
            break
        frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::_HOP] * hann(window)
        spectrum = rfft(frames, axis=1)
        energies.append(np.add.reduceat(spectrum.real**2 + spectrum.imag**2, bins, axis=1)[:, :-1])
        before = samples[len(frames) * _HOP :]
    energy = np.concatenate(energies)
    level = np.log(energy + (_FLOOR * energy.mean() if energy.any() else 1.0))
    return level[_STEPS:] - level[:-_STEPS]


def _energy(onsets: Values, begin: Places, end: Places) -> npt.NDArray[np.float64]:
    """Sum of squares of the steps from `begin` to before `end`."""
    total = np.concatenate([[0.0], np.cumsum(np.square(onsets).sum(axis=1), dtype=np.float64)])
    return total[end] - total[begin]
