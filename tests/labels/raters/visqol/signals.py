"""Mono signals for ViSQOL."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from deepaq.audio import to_mono
from labels.raters.visqol.alignment import PACKAGE, PROGRAM
from tests.sounds import music

Sound = npt.NDArray[np.float64]
BOTH = pytest.mark.parametrize("envelope", [PROGRAM, PACKAGE], ids=["program", "package"])


def mono(seconds: float, seed: int = 0, rate: int = 48_000) -> Sound:
    return to_mono(music(seconds, seed, rate)).astype(np.float64)


def noisy(sound: Sound, level: float, seed: int = 1) -> Sound:
    return sound + level * np.random.default_rng(seed).standard_normal(len(sound))


def clicks(frames: int) -> Sound:
    sound = np.zeros(frames)
    sound[500::7001] = 0.5
    return sound
