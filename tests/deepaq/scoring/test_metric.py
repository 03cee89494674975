"""Scoring: what a metric promises whatever its weights are."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

import deepaq
from deepaq.audio import Audio, resample
from deepaq.backbones.backbone import BACKBONES, build
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.mapping import Exponential
from deepaq.scoring.metric import Metric
from deepaq.testing import check_backbone
from tests.sounds import RATE, music, write

CURVE = Exponential(4.732, 0.3, 0.8)


def metric(name: str = "compact", **settings: object) -> Metric:
    torch.manual_seed(0)
    return Metric(Checkpoint(build(name, **settings).eval(), CURVE, CURVE))


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return music(3, 1)


def noisy(sound: np.ndarray, level: float) -> np.ndarray:
    noise = np.random.default_rng(5).standard_normal(sound.shape).astype(np.float32)
    return sound + np.float32(level) * noise


def test_identity_is_distance_0_and_the_top_of_the_scale(sound: np.ndarray) -> None:
    score = metric().score(sound, sound.copy(), sample_rate=RATE)
    assert score.distance == 0
    assert score.mos == pytest.approx(4.732)
    assert (score.lag_samples, score.level_db) == (0, pytest.approx(0))


def test_more_noise_is_further_away(sound: np.ndarray) -> None:
    found = [metric().score(sound, noisy(sound, level), sample_rate=RATE) for level in (0.001, 0.01, 0.1)]
    assert found[0].distance < found[1].distance < found[2].distance
    assert found[0].mos > found[1].mos > found[2].mos


def test_the_full_reference_distance_is_symmetric(sound: np.ndarray) -> None:
    other = noisy(sound, 0.01)
    there, back = (metric().score(*pair, sample_rate=RATE).distance for pair in ((sound, other), (other, sound)))
    assert there == pytest.approx(back, rel=2e-3)  # but for the gain, which is found from one side


def test_a_delay_is_found_reported_and_removed(sound: np.ndarray) -> None:
    late = np.concatenate([np.zeros((1105, 2), np.float32), noisy(sound, 0.005)])
    score = metric().score(sound, late, sample_rate=RATE)
    assert score.lag_samples == pytest.approx(1105 * 48_000 / RATE, abs=1)
    assert "late, aligned" in score.notes[0]
    assert score.distance == pytest.approx(
        metric().score(sound, noisy(sound, 0.005), sample_rate=RATE).distance, rel=0.1
    )


def widened(sound: np.ndarray, gain: float) -> np.ndarray:
    mean = sound.mean(axis=1, keepdims=True)
    return (mean + np.float32(gain) * (sound - mean)).astype(np.float32)


def test_a_damaged_stereo_image_is_heard_the_more_the_worse_it_is(sound: np.ndarray) -> None:
    found = [metric().score(sound, widened(sound, gain), sample_rate=RATE) for gain in (0.8, 0.4, 0.0)]
    assert 0 < found[0].distance < found[1].distance < found[2].distance
    assert "narrower than its reference" in " ".join(found[2].notes)
    deaf = Metric(Checkpoint(build("plain").eval(), CURVE, CURVE)).score(sound, widened(sound, 0.0), sample_rate=RATE)
    assert deaf.distance == pytest.approx(0, abs=1e-4)
    assert "only the channels' mean is scored" in " ".join(deaf.notes)


def test_mono_scores_the_same_in_one_channel_and_in_two(sound: np.ndarray) -> None:
    one = sound[:, :1], noisy(sound, 0.01)[:, :1]
    two = tuple(np.repeat(samples, 2, axis=1) for samples in one)
    flat = tuple(samples[:, 0] for samples in one)
    found = [metric().score(*pair, sample_rate=RATE).distance for pair in (one, two, flat)]
    assert found == pytest.approx([found[0]] * 3, rel=1e-6)


@pytest.mark.parametrize("name", ["compact", "plain"])
def test_audio_is_embedded_as_its_front_is(sound: np.ndarray, name: str) -> None:
    network = metric(name).backbone
    samples = torch.from_numpy(resample(sound, RATE, 48_000).T[None, : network.channels].copy())
    samples = samples if network.channels == 2 else samples[:, 0]
    with torch.no_grad():
        torch.testing.assert_close(network.embed_audio(samples), network.embed(network.front(samples)))


def test_channels_may_change_places(sound: np.ndarray) -> None:
    worse = noisy(sound, 0.01)
    found = [
        metric().score(a, b, sample_rate=RATE).distance for a, b in ((sound, worse), (sound[:, ::-1], worse[:, ::-1]))
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_files_arrays_tensors_and_containers_give_one_result(sound: np.ndarray, tmp_path: Path) -> None:
    quantised = np.round(sound * 32767) / np.float32(32768)
    worse = np.round(noisy(sound, 0.01) * 32767) / np.float32(32768)
    by_file = metric().score(write(tmp_path / "a.wav", quantised), write(tmp_path / "b.flac", worse))
    by_array = metric().score(quantised, worse, sample_rate=RATE)
    by_tensor = metric().score(torch.from_numpy(quantised), torch.from_numpy(worse), sample_rate=RATE)
    by_audio = metric().score(Audio(quantised, RATE), Audio(worse, RATE))
    for other in (by_array, by_tensor, by_audio):
        assert other.distance == pytest.approx(by_file.distance, rel=1e-4)


def test_long_sound_is_scored_in_segments_that_cover_it() -> None:
    clean = music(23, 2)
    worse = clean.copy()
    worse[10 * RATE : 20 * RATE] = noisy(clean, 0.05)[10 * RATE : 20 * RATE]
    score = metric().score(clean, worse, sample_rate=RATE)
    assert [round(segment.start_s) for segment in score.segments] == list(range(23))
    assert [segment.seconds for segment in score.segments] == pytest.approx([1] * 23, abs=0.05)
    assert score.seconds == pytest.approx(23, abs=1e-3)
    inside = [segment.distance for segment in score.segments if 10 < segment.start_s < 19]
    outside = [segment.distance for segment in score.segments if segment.start_s < 8 or segment.start_s > 21]
    assert min(inside) > 20 * max(outside)
    assert score.mos_low < score.mos < score.mos_high
    weights = [segment.seconds for segment in score.segments]
    squares = [segment.distance**2 for segment in score.segments]
    assert score.distance == pytest.approx(np.average(squares, weights=weights) ** 0.5)


def test_a_longer_version_is_scored_as_far_as_both_last(sound: np.ndarray) -> None:
    score = metric().score(sound[: 2 * RATE], noisy(sound, 0.01), sample_rate=RATE)
    assert score.seconds == pytest.approx(2, abs=1e-3)
    assert "is 1.00 s longer" in " ".join(score.notes)


def test_non_matching_references_need_no_alignment_and_few_are_noted(sound: np.ndarray) -> None:
    ours = metric()
    clean = [music(3, seed) for seed in range(10, 13)]
    score = ours.score(sound, references=clean, sample_rate=RATE)
    again = ours.score(sound, references=ours.references(clean, RATE), sample_rate=RATE)
    assert score.distance == again.distance > 0
    assert score.lag_samples is None
    assert "only 3 clean references" in score.notes[0]


BAD = {
    "is silent": lambda s: np.zeros_like(s),
    "NaN": lambda s: np.where(np.arange(len(s))[:, None] == 3, np.nan, s).astype(np.float32),
    "0.25 s are needed": lambda s: s[: RATE // 10],
    "give floating point": lambda s: (s * 32767).astype(np.int16),
    "holds no audio": lambda s: s[:0],
    "not its transpose": lambda s: np.ascontiguousarray(s.T),
}


@pytest.mark.parametrize("reason", BAD)
def test_what_cannot_be_scored_says_why(sound: np.ndarray, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        metric().score(BAD[reason](sound), BAD[reason](sound), sample_rate=RATE)
    with pytest.raises(UserError, match=reason):
        metric().score(BAD[reason](sound), references=[sound], sample_rate=RATE)


def test_an_array_without_its_rate_is_refused(sound: np.ndarray) -> None:
    with pytest.raises(UserError, match="give sample_rate"):
        metric().score(sound, sound)


def test_a_checkpoint_scores_as_before_it_was_saved(sound: np.ndarray, tmp_path: Path) -> None:
    before = metric()
    checkpoint.save(tmp_path / "run", before.model)
    after = deepaq.load(tmp_path / "run")
    pair = sound, noisy(sound, 0.01)
    distances = [each.score(*pair, sample_rate=RATE).distance for each in (before, after)]  # in torch and in NumPy
    assert distances[1] == pytest.approx(distances[0], rel=1e-6)
    assert after.score(pair[1], references=[sound], sample_rate=RATE).mos == pytest.approx(
        before.score(pair[1], references=[sound], sample_rate=RATE).mos
    )


def test_broken_run_folders_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such run folder"):
        deepaq.load(tmp_path / "absent")
    with pytest.raises(UserError, match=r"model\.json is missing"):
        deepaq.load(tmp_path)
    checkpoint.save(tmp_path / "run", metric().model)
    weights = tmp_path / "run" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cannot be loaded"):
        deepaq.load(tmp_path / "run")
    weights.unlink()
    with pytest.raises(UserError, match="cannot be loaded"):
        deepaq.load(tmp_path / "run")
    weights.write_bytes(whole)
    content = json.loads((tmp_path / "run" / "model.json").read_text())
    for change, reason in (({"format": 99}, "newer version"), ({"backbone": "nothing"}, "unknown")):
        (tmp_path / "run" / "model.json").write_text(json.dumps(content | change))
        with pytest.raises(UserError, match=reason):
            deepaq.load(tmp_path / "run")
    (tmp_path / "run" / "model.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        deepaq.load(tmp_path / "run")


def test_what_looks_wrong_is_noted(sound: np.ndarray, tmp_path: Path) -> None:
    other = music(3, 77)
    assert "same recording" in " ".join(metric().score(sound, other, sample_rate=RATE).notes)
    softer = metric().score(sound, sound / 2, sample_rate=RATE)
    assert "6.0 dB softer" in softer.notes[0]
    narrow = np.repeat(sound.mean(axis=1, keepdims=True), 2, axis=1)
    (note,) = metric().score(sound, narrow, sample_rate=RATE).notes
    assert "dB narrower than its reference" in note
    assert metric().score(sound, sound, sample_rate=RATE).notes == ()


def test_many_pairs_give_scores_or_errors_in_order(sound: np.ndarray) -> None:
    silence = np.zeros_like(sound)
    answers = metric().score_many([(sound, sound), (silence, sound), (sound, noisy(sound, 0.1))], sample_rate=RATE)
    assert answers[0].distance == 0 < answers[2].distance
    assert isinstance(answers[1], UserError)


def test_threads_may_share_a_metric(sound: np.ndarray) -> None:
    ours = metric()
    pairs = [(sound, noisy(sound, level)) for level in (0.001, 0.003, 0.01, 0.03)]
    alone = [ours.score(*pair, sample_rate=RATE).distance for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: ours.score(*pair, sample_rate=RATE).distance, pairs))
    assert together == pytest.approx(alone, rel=1e-5)


PRETRAINED = {"mert", "hubert", "wav2vec2"}  # have tests of their own in test_mert.py


@pytest.mark.parametrize("name", sorted(set(BACKBONES) - PRETRAINED))
def test_every_backbone_keeps_the_contract(name: str) -> None:
    check_backbone(name)
