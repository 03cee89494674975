"""Sounds that are not what they seem: offsets, silence before the music, changes in the middle, absurd samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from imageio_ffmpeg import get_ffmpeg_exe
from numpy.random import default_rng

import deepaq
from deepaq.audio import read
from deepaq.errors import UserError
from deepaq.scoring.references import cached
from tests.deepaq.scoring.test_metric import metric, noisy
from tests.sounds import RATE, music, write


def test_an_offset_is_no_gain() -> None:
    sound = music(3, 1)
    found = metric().score(sound, sound + np.float32(0.1), sample_rate=RATE)
    assert found.level_db == pytest.approx(0, abs=0.01)


def test_silence_before_the_music_hides_neither_lag_nor_gain() -> None:
    sound, silence = noisy(music(12, 1), 0.001), np.zeros((31 * RATE, 2), np.float32)
    reference = np.concatenate([silence, sound])
    degraded = np.concatenate([silence, np.zeros((4410, 2), np.float32), sound / 2])
    found = metric().score(reference, degraded, sample_rate=RATE)
    assert found.lag_samples == round(0.1 * found.sample_rate)
    assert found.level_db == pytest.approx(-6.02, abs=0.1)
    assert found.segments[0].start_s == pytest.approx(31.1, abs=0.02)
    assert sum(segment.seconds for segment in found.segments) == pytest.approx(12, abs=0.02)
    assert max(segment.distance for segment in found.segments) < 0.05


def test_silence_is_called_so() -> None:
    sound = music(3, 1)
    notes = metric().score(sound, np.zeros_like(sound), sample_rate=RATE).notes
    assert any("is silent where the array is not" in note for note in notes)
    assert not any("stereo" in note or "bandwidth" in note for note in notes)


@pytest.mark.parametrize(("rate", "channels"), [(RATE, 1), (RATE // 2, 2)])
def test_a_stream_that_changes_on_the_way_is_refused(tmp_path: Path, rate: int, channels: int) -> None:
    import subprocess

    parts = []
    for place, (each, number) in enumerate([(RATE, 2), (rate, channels)]):
        source = write(tmp_path / f"{place}.wav", music(2, place, each, number), each)
        part = tmp_path / f"{place}.aac"
        subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", "-i", source, "-c:a", "aac", part], check=True)
        parts.append(part.read_bytes())
    (tmp_path / "both.aac").write_bytes(b"".join(parts))
    with pytest.raises(UserError, match=r"both.aac: changes its sample rate or channels in the middle"):
        read(tmp_path / "both.aac")


def test_absurd_samples_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "huge.wav", music(1) * np.float32(1e25), RATE, subtype="FLOAT")
    with pytest.raises(UserError, match=r"huge.wav: holds samples of 5e\+24 where full scale is 1"):
        read(tmp_path / "huge.wav")


@pytest.mark.parametrize("sound", [None, [0.0, 1.0], b"RIFF", np.float32(1), np.zeros((9, 0), np.float32)])
def test_what_is_no_sound_is_one_error_of_many(sound: object) -> None:
    good = music(1)
    found = metric().score_many([(good, sound), (good, good)], sample_rate=RATE)  # type: ignore[list-item]
    assert isinstance(found[0], UserError)
    assert found[1].distance == 0  # type: ignore[union-attr]
    with pytest.raises(UserError, match="give a sequence of sounds"):
        metric().score(good, references="clean", sample_rate=RATE)


@pytest.mark.parametrize("keep", [0, 200, -1])
def test_a_damaged_cache_of_references_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int) -> None:
    monkeypatch.setenv("DEEPAQ_CACHE", str(tmp_path / "cache"))
    path = write(tmp_path / "a.wav", music(1))
    first = cached([path], "model", metric().references)
    store = next((tmp_path / "cache").iterdir())
    content = store.read_bytes()
    spoilt = content[:keep] if keep >= 0 else content.replace(content[200:210], bytes(10))
    store.write_bytes(spoilt)
    again = cached([path], "model", metric().references)
    assert np.array_equal(first.centre, again.centre)
    assert again.count == 1


def test_a_loss_leaves_the_metric_that_it_was_made_of_alone() -> None:
    own, sound = metric(), music(1)
    loss = deepaq.Distance(own).double()
    assert own.score(sound, sound, sample_rate=RATE).distance == 0
    assert next(own.backbone.parameters()).requires_grad
    assert next(loss.backbone.parameters()).dtype == torch.float64
    short = torch.from_numpy(default_rng(0).normal(0, 0.1, (1, 400))).double()
    with pytest.raises(UserError, match="at least one signal of"):
        loss(short, short)
