"""Decoded audio: its form, limits, level, length and sample rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepaq.errors import UserError

Samples = npt.NDArray[np.float32]

LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
HIGHEST_CHANNELS = 64
HIGHEST_PEAK = 1e6  # +120 dBFS; powers of larger samples lose precision, then overflow
SILENCE_DBFS = -70.0
_BLOCK = 1024  # samples whose squares are summed in single precision


@dataclass(frozen=True)
class Audio:
    """Decoded audio.

    samples: float32 of shape (frames, channels), full scale is 1.0 and may be exceeded.
    sample_rate: in Hz.
    notes: lines about repairs made while decoding.
    name: for messages.
    """

    samples: Samples
    sample_rate: int
    notes: tuple[str, ...] = ()
    name: str = "the array"

    @property
    def frames(self) -> int:
        return int(self.samples.shape[0])

    @property
    def channels(self) -> int:
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


def check(audio: Audio, name: str) -> None:
    """Raise UserError if `audio` is empty, not finite or at an impossible sample rate; `name` is for the message."""
    if audio.frames == 0:
        raise UserError(f"{name}: holds no audio")
    if not LOWEST_RATE <= audio.sample_rate <= HIGHEST_RATE:
        raise UserError(f"{name}: sample rate {audio.sample_rate} Hz is outside {LOWEST_RATE}-{HIGHEST_RATE} Hz")
    if not audio.samples.shape[1]:
        raise UserError(f"{name}: has no channels")
    peak = max(audio.samples.max(), -audio.samples.min())
    if not np.isfinite(peak):
        raise UserError(f"{name}: holds NaN or infinite samples; export it again")
    if peak > HIGHEST_PEAK:
        raise UserError(f"{name}: holds samples of {peak:.0e} where full scale is 1; export it again")


def joined(parts: list[Audio]) -> Audio:
    """Join consecutive blocks."""
    notes = tuple(note for part in parts for note in part.notes)
    if len(parts) == 1:
        return parts[0]
    return Audio(np.concatenate([part.samples for part in parts]), parts[0].sample_rate, notes, parts[0].name)


def fit(samples: Samples, frames: int) -> Samples:
    """Trim or zero-pad the end of (frames, channels) samples to exactly `frames`."""
    if len(samples) >= frames:
        return samples[:frames]
    return np.pad(samples, [(0, frames - len(samples))] + [(0, 0)] * (samples.ndim - 1))


def resample(samples: Samples, source_rate: int, target_rate: int) -> Samples:
    """Band-limited resampling (soxr HQ) of (frames,) or (frames, channels) samples; same array if the rates agree."""
    if source_rate == target_rate:
        return samples
    import soxr

    samples = np.ascontiguousarray(samples)
    resampled: Samples = soxr.resample(samples, source_rate, target_rate, quality="HQ").astype(np.float32, copy=False)
    return resampled


def level_dbfs(samples: Samples) -> float:
    """RMS level in dB relative to full scale, -inf for digital silence."""
    energy = inner(samples, samples)
    return 10 * float(np.log10(energy / samples.size)) if energy > 0 else float("-inf")


def inner(first: Samples, second: Samples) -> float:
    """Inner product of two arrays of one shape, which unlike NumPy's does not depend on the number of threads."""
    first, second = first.ravel(order="K"), second.ravel(order="K")
    whole = len(first) // _BLOCK * _BLOCK
    parts = [(part[:whole].reshape(-1, _BLOCK), part[None, whole:]) for part in (first, second)]
    products = [np.einsum("bs,bs->b", *pair) for pair in zip(*parts, strict=True)]
    return float(np.concatenate(products, dtype=np.float64)[: -(-len(first) // _BLOCK)].sum())


def is_silent(samples: Samples) -> bool:
    """Tell if the RMS level is below -70 dBFS."""
    return level_dbfs(samples) < SILENCE_DBFS
