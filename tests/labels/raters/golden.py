"""Two seconds of sound for golden tests, made in whole numbers, so that every machine makes the same samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SECONDS = 2
PITCHES = (220, 277, 330, 440, 165, 554, 247, 370)  # Hz; one note every quarter of a second
FULL_SCALE = 32768

Whole = npt.NDArray[np.int64]
Samples = npt.NDArray[np.float32]


def pair(rate: int, channels: int) -> tuple[Samples, Samples]:
    """A reference and a degraded signal at `rate` in Hz: (frames,), or (frames, 2) for two channels."""
    sides = [_notes(rate, 0) + _noise(rate, 1, 60), _notes(rate, 3) + _noise(rate, 2, 60)]
    if channels == 1:
        sides = [(sides[0] + sides[1]) // 2]
    degraded = [_degraded(side, rate, seed) for seed, side in enumerate(sides, 3)]
    return _float(sides), _float(degraded)


def _notes(rate: int, offset: int) -> Whole:
    """Triangle waves that die away in half a second, louder and softer in turn."""
    time = np.arange(SECONDS * rate, dtype=np.int64)
    total = np.zeros_like(time)
    for place in range(8):
        age = time - place * rate // 4
        pitch = PITCHES[(place + offset) % len(PITCHES)]
        phase = np.where(age >= 0, age, 0) * pitch * 4 % (4 * rate)  # four quarters of a period, each `rate` long
        wave = np.abs(phase - 2 * rate) - rate
        left = np.where(age >= 0, np.maximum(rate // 2 - age, 0), 0)
        total += wave * left // rate * (9000 - 700 * place) // (rate // 2)
    return total


def _noise(rate: int, seed: int, peak: int) -> Whole:
    """Evenly distributed in -peak..peak, by a hash of the sample's number (Wang's, 32 bits)."""
    x = np.arange(SECONDS * rate, dtype=np.uint64) + np.uint64(seed * 1_000_003)
    mask = np.uint64(0xFFFFFFFF)
    x = ((x ^ np.uint64(61)) ^ (x >> np.uint64(16))) & mask
    x = x * np.uint64(9) & mask
    x = x ^ (x >> np.uint64(4))
    x = x * np.uint64(0x27D4EB2D) & mask
    x = x ^ (x >> np.uint64(15))
    return (x % np.uint64(2 * peak + 1)).astype(np.int64) - peak


def _degraded(clean: Whole, rate: int, seed: int) -> Whole:
    """Duller, noisier, in steps of 64."""
    dull = (np.concatenate([clean[:1], clean[:-1]]) + 2 * clean + np.concatenate([clean[1:], clean[-1:]])) // 4
    return (dull + _noise(rate, seed, 250)) // 64 * 64


def _float(sides: list[Whole]) -> Samples:
    samples = (np.stack(sides, axis=1) / FULL_SCALE).astype(np.float32)
    return samples[:, 0] if len(sides) == 1 else samples
