"""A DC offset is inaudible: it is removed and noted, wherever it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import deepaq
from deepaq.audio import Samples
from deepaq.scoring.metric import Metric
from tests.deepaq.scoring.test_metric import metric as made
from tests.sounds import music

RATE = 48_000
SILENCE = np.zeros((2 * RATE, 2), np.float32)


@pytest.fixture(scope="module")
def packaged() -> Metric:
    return deepaq.load()


@pytest.fixture(scope="module")
def sound() -> Samples:
    return music(4, 1, RATE)


OFFSETS = {"both channels": (0.01, 0.01), "one channel": (0.3, 0.0), "opposite channels": (0.1, -0.1)}


@pytest.mark.parametrize("where", OFFSETS)
@pytest.mark.parametrize("shifted", ["degraded", "reference", "both"])
def test_an_offset_leaves_the_score_at_the_top_and_is_the_only_note(
    packaged: Metric, sound: Samples, where: str, shifted: str
) -> None:
    offset = sound + np.float32(OFFSETS[where])
    reference = sound if shifted == "degraded" else offset
    degraded = sound if shifted == "reference" else offset
    score = packaged.score(reference, degraded, sample_rate=RATE)
    assert score.mos == pytest.approx(4.732, abs=0.005)
    assert score.level_db == pytest.approx(0, abs=0.01)
    assert len(score.notes) == (2 if shifted == "both" else 1)
    largest = 100 * max(OFFSETS[where])
    assert all(f"has a DC offset of {largest:.1f} % of full scale, removed" in note for note in score.notes)


def test_an_offset_neither_hides_damage_nor_counts_as_sound(packaged: Metric, sound: Samples) -> None:
    worse = sound + 0.01 * np.random.default_rng(0).standard_normal(sound.shape).astype(np.float32)
    plain = packaged.score(sound, worse, sample_rate=RATE)
    assert packaged.score(sound, worse + np.float32(0.05), sample_rate=RATE).mos == pytest.approx(plain.mos, abs=0.005)
    pair = (np.concatenate([SILENCE, samples]) for samples in (sound, worse))
    reference, degraded = pair
    late = packaged.score(reference, degraded + np.float32(0.05), sample_rate=RATE)
    assert late.mos == pytest.approx(plain.mos, abs=0.02)
    assert late.seconds == pytest.approx(4, abs=0.1)


def test_an_offset_does_not_move_the_score_without_a_matching_reference(sound: Samples) -> None:
    metric, clean = made(), [music(4, seed, RATE) for seed in (5, 6)]
    plain, moved = (
        metric.score(samples, references=clean, sample_rate=RATE).distance
        for samples in (sound, sound + np.float32(0.1))
    )
    assert moved == pytest.approx(plain, rel=0.01)


def test_sound_without_an_offset_is_left_as_it_is(packaged: Metric, sound: Samples) -> None:
    """Short music whose mean is not zero, beside silence."""
    drum = np.abs(sound[:RATE]) * np.linspace(1, 0, RATE, dtype=np.float32)[:, None]
    score = packaged.score(np.concatenate([SILENCE, drum]), np.concatenate([SILENCE, drum]), sample_rate=RATE)
    assert score.seconds == pytest.approx(1, abs=0.1)
    assert not [note for note in score.notes if "offset" in note]


def test_a_loss_does_not_see_an_offset(packaged: Metric, sound: Samples) -> None:
    clean = torch.from_numpy(sound.T[None].copy())
    loss = deepaq.Distance(packaged)
    assert float(loss(clean + 0.05, clean)) < 0.03
