"""Small deterministic sounds and files for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 44_100


def music(seconds: float, seed: int = 0, rate: int = RATE, channels: int = 2) -> npt.NDArray[np.float32]:
    """(frames, channels): decaying notes over quiet noise, different for every seed; peak about 0.5."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    time = np.arange(frames) / rate
    sound = 0.003 * rng.standard_normal((frames, channels))
    for start in np.arange(0, seconds, 0.25):
        pitch = 110 * 2 ** (rng.integers(0, 36) / 12)
        age = np.clip(time - start, 0, None)
        envelope = np.where(time >= start, np.exp(-6 * age), 0)
        note = sum(np.sin(2 * np.pi * k * pitch * age) / k for k in range(1, 9) if k * pitch < rate / 2)
        sound += (envelope * note)[:, None] * rng.uniform(0.3, 1, channels)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def write(path: Path, samples: npt.NDArray[np.float32], rate: int = RATE, subtype: str = "PCM_16") -> Path:
    """Write samples to a WAV or FLAC file, by the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype)
    return path
