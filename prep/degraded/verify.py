"""Decode a degraded clip and compare it with its reference: length, lag, correlation, peak."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.fft import irfft, rfft

from deepaq.audio import Samples, audible_channel, fit, one_channel, read, resample
from deepaq.audio.align import find_lag
from deepaq.errors import UserError

LARGEST_LAG = 5  # samples at the reference's rate
LARGEST_LENGTH_ERROR_S = 0.1
_WINDOW, _SEARCH = 1 << 16, 1 << 13


@dataclass(frozen=True)
class Comparison:
    """lag: samples by which the degraded clip is late. correlation: at that lag, -1..1. peak: full scale is 1."""

    lag: int
    correlation: float
    peak: float


class Verifier:
    """Compares degraded clips with one reference of (frames, channels) samples, whose spectrum is computed once."""

    def __init__(self, reference: Samples, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.channel = audible_channel(reference)
        self.mono = one_channel(reference, self.channel)
        self.start = _loudest(self.mono, _WINDOW)
        window = self.mono[self.start : self.start + _WINDOW]
        self.size = _WINDOW + 2 * _SEARCH
        self.spectrum = np.conj(rfft(window, self.size))

    def compare(self, path: Path, aligned: bool = False) -> Comparison:
        """Decode `path`, resample it to the reference's rate and length, and measure it.

        aligned: skip the search for a lag, for distortions without lag whose effect (such as heavy reverberation)
        would mislead it. Raises UserError if the file cannot be decoded, has the wrong length, lags by more than 5
        samples or, if coded, is digital silence.
        """
        audio = read(path)
        peak = float(np.abs(audio.samples).max())
        if not peak and not aligned:
            raise UserError(f"{path.name}: is digital silence; use another build of the program or leave the codec out")
        mono = resample(one_channel(audio.samples, self.channel), audio.sample_rate, self.sample_rate)
        missing = len(self.mono) - len(mono)
        if abs(missing) > LARGEST_LENGTH_ERROR_S * self.sample_rate:
            raise UserError(f"{path.name}: has {len(mono)} frames instead of {len(self.mono)}")
        mono = fit(mono, len(self.mono))
        lag = 0 if aligned else self.lag(mono)
        if abs(lag) > LARGEST_LAG:
            raise UserError(f"{path.name}: is {lag} samples late, at most {LARGEST_LAG} are allowed")
        return Comparison(lag, _correlation(self.mono, mono, lag), peak)

    def lag(self, mono: Samples) -> int:
        """Find the lag of `mono` within +-8192 samples.

        The plain correlation of the loudest second and a half suffices for nearly every clip. Periodic music and heavy
        coding may mislead it, so a slower and more reliable search runs before a clip fails.
        """
        begin = self.start - _SEARCH
        segment = mono[max(begin, 0) : self.start + _WINDOW + _SEARCH]
        segment = np.pad(segment, (max(-begin, 0), 0))
        correlation = irfft(rfft(segment, self.size) * self.spectrum, self.size)[: 2 * _SEARCH + 1]
        lag = int(np.argmax(correlation)) - _SEARCH
        return lag if abs(lag) <= LARGEST_LAG else find_lag(self.mono, mono, self.sample_rate)


def _loudest(mono: Samples, length: int) -> int:
    """Start of the window of `length` samples with the most energy (a multiple of 1024)."""
    if len(mono) <= length:
        return 0
    blocks = np.add.reduceat(np.square(mono, dtype=np.float64), np.arange(0, len(mono), 1024))
    energy = np.convolve(blocks, np.ones(length // 1024), mode="valid")
    return min(int(np.argmax(energy)) * 1024, len(mono) - length)


def _correlation(reference: Samples, degraded: Samples, lag: int) -> float:
    if lag > 0:
        reference, degraded = reference[:-lag], degraded[lag:]
    elif lag < 0:
        reference, degraded = reference[-lag:], degraded[:lag]
    power = float(np.dot(reference, reference)) * float(np.dot(degraded, degraded))
    return float(np.dot(reference, degraded)) / power**0.5 if power > 0 else 0.0
