"""Onsets: a recording is found again at lags of a minute, also without its waveform, and other music at none."""

from __future__ import annotations

import numpy as np
import pytest

from deepaq.audio import Samples, to_mono
from deepaq.audio.stream import Stream
from deepaq.scoring.onsets import RATE, Likeness, likeness
from tests.sounds import music

WHOLE = np.concatenate([to_mono(music(20, seed, RATE)) for seed in range(5)])
OTHER = np.concatenate([to_mono(music(20, seed, RATE)) for seed in range(10, 15)])


def compared(first: Samples, second: Samples) -> Likeness:
    return likeness(*(Stream(samples, RATE, 1, RATE) for samples in (first, second)), 3.0)


def resynthesised(samples: Samples) -> Samples:
    """Random phases in every frame of 32 ms: the energies remain, the waveform does not."""
    rng, window = np.random.default_rng(1), np.hanning(512)
    spectra = np.abs(np.fft.rfft(np.lib.stride_tricks.sliding_window_view(samples, 512)[::128] * window, axis=1))
    pieces = np.fft.irfft(spectra * np.exp(2j * np.pi * rng.random(spectra.shape)), axis=1) * window
    made = np.zeros(len(samples), np.float32)
    for index, piece in enumerate(pieces):
        made[index * 128 : index * 128 + 512] += piece
    return made


@pytest.mark.parametrize("kind", ["same", "noisy", "resynthesised"])
@pytest.mark.parametrize("lag_s", [3.507, -8.25, 20.013, -45.0, 60.0])
def test_a_lag_of_up_to_a_minute_is_found(kind: str, lag_s: float) -> None:
    degraded = resynthesised(WHOLE) if kind == "resynthesised" else WHOLE
    if kind == "noisy":
        level = float(np.sqrt(np.mean(WHOLE**2)))
        degraded = degraded + level * np.random.default_rng(2).standard_normal(len(WHOLE)).astype(np.float32) / 4
    cut = round(abs(lag_s) * RATE)
    found = compared(WHOLE, degraded[cut:] if lag_s < 0 else np.concatenate([OTHER[:cut], degraded]))
    assert found.far_s == pytest.approx(lag_s, abs=0.005)
    assert 0.5 < found.far <= 1.001
    assert found.near < found.far - 0.2


def test_other_music_is_alike_at_no_lag() -> None:
    found = compared(WHOLE, OTHER)
    assert found.near < 0.5
    assert found.far < 0.5


def test_the_same_music_is_alike_without_a_lag() -> None:
    found = compared(WHOLE, resynthesised(WHOLE))
    assert found.near > 0.5
    assert found.far < found.near


@pytest.mark.parametrize("length_s", [0.01, 2.9])
def test_too_short_or_silent_sound_is_alike_to_nothing(length_s: float) -> None:
    short = WHOLE[: round(length_s * RATE)]
    assert compared(WHOLE, short) == compared(short, WHOLE) == Likeness(0.0, 0.0, 0.0)
    assert compared(WHOLE, np.zeros_like(WHOLE)) == Likeness(0.0, 0.0, 0.0)
