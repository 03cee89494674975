"""By how much one signal is louder: what counts as gain, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from deepaq import level
from prep.distortions import distort
from tests.sounds import RATE, music

SOUND = music(3, 1)


def batch(samples: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(samples.mean(axis=1)))[None]


def decibels(first: np.ndarray, second: np.ndarray) -> float:
    return 20 * float(level.gain(batch(first), batch(second)).log10())


@given(db=st.floats(-60, 40), frames=st.integers(10, 20_000))
@settings(max_examples=20, deadline=None)
def test_a_gain_is_found_exactly_at_any_length(db: float, frames: int) -> None:
    samples = SOUND[RATE : RATE + frames]
    assert decibels(samples, samples * np.float32(10 ** (db / 20))) == pytest.approx(db, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "severity"), [("dropouts", 5), ("noise", 4), ("packet-loss", 5), ("lowpass", 3), ("quantisation", 4)]
)
def test_damage_is_not_taken_for_gain(name: str, severity: int) -> None:
    worse = distort(SOUND, RATE, name, severity, seed=1)
    assert decibels(SOUND, worse) == pytest.approx(0, abs=0.3)
    assert decibels(SOUND, 2 * worse) == pytest.approx(6.02, abs=0.3)


def test_it_is_the_other_way_round_from_the_other_side() -> None:
    worse = distort(SOUND, RATE, "pumping", 4, seed=1)
    assert decibels(SOUND, worse) == pytest.approx(-decibels(worse, SOUND), abs=0.02)


def test_silence_has_no_gain() -> None:
    sound = batch(SOUND)
    assert all(level.gain(*pair) == 1 for pair in ((0 * sound, sound), (sound, 0 * sound)))


def test_every_pair_of_a_batch_has_its_own() -> None:
    both = torch.cat([batch(SOUND), batch(SOUND[::-1])])
    assert level.gain(both, both * torch.tensor([[0.5], [3.0]])).flatten().tolist() == pytest.approx([0.5, 3])


@pytest.mark.parametrize("channels", [1, 2])
def test_a_gain_is_taken_back_from_every_signal_of_a_batch(channels: int) -> None:
    clean = torch.cat([batch(SOUND), batch(SOUND[::-1])])
    louder = torch.tensor([[0.5], [3.0]])
    coded = louder * clean
    if channels == 2:
        clean, coded = (torch.stack([mid, 0.1 * mid], dim=1) for mid in (clean, coded))
    torch.testing.assert_close(level.without(coded, louder), clean)
    torch.testing.assert_close(level.without(2 * clean, 2.0), clean)
