"""By how much one signal is louder: what counts as gain, what does not, and what a score makes of it."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from deepaq.backbones import level
from deepaq.errors import UserError
from prep.distortions import distort
from tests.deepaq.scoring.test_metric import metric, noisy
from tests.sounds import RATE, music

SOUND = music(3, 1)


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return SOUND


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


def softened(sound: np.ndarray, decibels: float) -> np.ndarray:
    return sound * np.float32(10 ** (-decibels / 20))


def test_gain_alone_is_reported_and_hardly_counts(sound: np.ndarray) -> None:
    softer = metric().score(sound, softened(sound, 6), sample_rate=RATE)
    assert softer.level_db == pytest.approx(-6, abs=0.01)
    assert softer.distance < 0.05 * metric().score(sound, noisy(sound, 0.01), sample_rate=RATE).distance


def test_gain_counts_where_the_level_is_kept(sound: np.ndarray) -> None:
    found = [
        metric().score(sound, softened(sound, db), sample_rate=RATE, match_level=False) for db in (0.5, 2, 6, 12, -6)
    ]
    distances = [score.distance for score in found]
    assert 0 < distances[0] < distances[1] < distances[2] < distances[3]
    assert distances[4] > distances[1]
    assert found[2].level_db == pytest.approx(-6, abs=0.01)
    assert "6.0 dB softer than its reference; that is scored" in found[2].notes[0]
    with pytest.raises(UserError, match="plain does not hear level"):
        metric("plain").score(sound, sound, sample_rate=RATE, match_level=False)
    with pytest.raises(UserError, match="only with a matching reference"):
        metric().score(sound, references=[sound], sample_rate=RATE, match_level=False)


def test_a_level_that_moves_is_heard_however_slowly() -> None:
    clean = music(33, 2)
    fading = clean * np.logspace(0, -1, len(clean), dtype=np.float32)[:, None]  # 20 dB in half a minute
    found = metric().score(clean, fading, sample_rate=RATE)
    assert found.distance > 3 * metric().score(clean, softened(clean, 20), sample_rate=RATE).distance
    off = [segment.distance for segment in found.segments]
    assert off[-1] > 3 * min(off)  # somewhere the signal has the one gain that is removed
    (moving,) = [note for note in found.notes if "level moves" in note]
    assert re.search(r"between -1[67]\.\d and -[23]\.\d dB", moving)  # of segments of 10 s
    unheard = metric("plain").score(clean, fading, sample_rate=RATE)
    assert "its level moves" in unheard.notes[-1]
    assert unheard.notes[-1].endswith("that is not scored")


def test_damage_counts_less_the_softer_the_music_is_played(sound: np.ndarray) -> None:
    """ViSQOL, too, does not hear what lies below -90 dBFS."""
    sound = sound - sound.mean(axis=0)  # an offset is removed where it is large enough
    pairs = [(softened(sound, db), softened(noisy(sound, 0.001), db)) for db in (0, 20, 40)]
    found = [metric().score(*pair, sample_rate=RATE) for pair in pairs]
    assert found[0].distance > found[1].distance > found[2].distance > 0
    assert not found[1].notes
    assert "is quiet, -6" in found[2].notes[0]
    assert "below -90 dBFS in it is not heard" in found[2].notes[0]
    plain = [metric("plain").score(*pair, sample_rate=RATE) for pair in pairs[:2]]
    assert plain[0].distance == pytest.approx(plain[1].distance, rel=1e-3)
    assert not plain[1].notes
