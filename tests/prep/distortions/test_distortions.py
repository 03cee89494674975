"""The contract of every distortion: same length, no delay, worse with severity, decided by the seed alone."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepaq.errors import UserError
from prep.distortions import DISTORTIONS, distort, tandem
from prep.testing import check_distortion
from tests.sounds import RATE, music

CHEAP = sorted(set(DISTORTIONS) - {"tandem"})  # what needs no coder
CERTAIN = {"lowpass", "highpass", "clipping", "quantisation", "narrowing", "level-spread", "rate-drift"}  # no seed
SOUND = music(3, seed=5)


@pytest.mark.parametrize("name", DISTORTIONS)
def test_every_distortion_keeps_the_contract(name: str) -> None:
    check_distortion(name)


@pytest.mark.parametrize("name", sorted(set(CHEAP) - CERTAIN))
def test_the_seed_decides_what_is_random(name: str) -> None:
    assert not np.array_equal(distort(SOUND, RATE, name, 3, seed=1), distort(SOUND, RATE, name, 3, seed=2))


@pytest.mark.parametrize("name", CHEAP)
@given(frames=st.integers(1, 9000), channels=st.integers(1, 3), seed=st.integers(0, 2**63), severity=st.integers(1, 5),
       rate=st.sampled_from([16_000, 24_000, 48_000]), level=st.sampled_from([0.0, 1e-6, 1.0, 4.0]))  # fmt: skip
@settings(max_examples=6, deadline=None)
def test_any_length_layout_rate_and_level_is_survived(
    name: str, frames: int, channels: int, seed: int, severity: int, rate: int, level: float
) -> None:
    samples = (level * np.random.default_rng(1).uniform(-1, 1, (frames, channels))).astype(np.float32)
    degraded = distort(samples, rate, name, severity, seed)
    assert degraded.shape == samples.shape
    assert np.isfinite(degraded).all()
    assert level or not degraded.any()


@pytest.mark.parametrize(("name", "severity"), [("echo", 1), ("noise", 0), ("noise", 6)])
def test_an_unknown_distortion_or_severity_is_refused(name: str, severity: int) -> None:
    with pytest.raises(UserError, match=name):
        distort(SOUND, RATE, name, severity, 0)


@pytest.mark.parametrize("shape", [(0, 2), (100,)])
def test_samples_of_a_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="frames, channels"):
        distort(np.zeros(shape, np.float32), RATE, "noise", 1, 0)


def test_a_full_disk_ends_the_run_instead_of_failing_a_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = music(1)
    with monkeypatch.context() as then:
        then.setattr(tandem, "encode", lambda clip, codings, folder, seconds: {codings[0]: "ffmpeg ended with 228"})
        with pytest.raises(UserError, match="tandem: ffmpeg ended"):
            distort(sound, RATE, "tandem", 1, 0)
        then.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=0))
        with pytest.raises(OSError, match="No space left"):
            distort(sound, RATE, "tandem", 1, 0)


def test_the_documentation_lists_every_distortion() -> None:
    page = (Path(__file__).parents[3] / "docs" / "distortions.md").read_text(encoding="utf-8")
    listed = [name for line in page.splitlines() for name in re.findall(r"`([a-z-]+)`", "".join(line.split("|")[1:2]))]
    assert sorted(set(listed) - {"name"}) == sorted(DISTORTIONS.own)
