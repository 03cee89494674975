"""The parts of the tracks by band sum to the tracks, wherever the damage is."""

from __future__ import annotations

import numpy as np
import pytest

import deepaq
from deepaq.audio import Samples, resample, to_mid_side
from deepaq.core.core import Core, powers_of
from deepaq.core.parts import parts
from prep.distortions import distort
from prep.synth import SAMPLE_RATE, compose


@pytest.fixture(scope="module")
def music() -> Samples:
    return resample(compose(11, 3.0), SAMPLE_RATE, 48_000)


@pytest.mark.parametrize("damage", ["noise", "spectral-holes", "imbalance", "swapped", "mono", "none"])
def test_parts_sum_to_the_tracks(music: Samples, damage: str) -> None:
    core = deepaq.load().backbone
    assert isinstance(core, Core)
    if damage == "mono":
        music = music.mean(axis=1, keepdims=True)
    changes = {"swapped": lambda: music[:, ::-1], "none": lambda: music, "mono": lambda: music + np.float32(1e-3)}
    worse = changes.get(damage, lambda: distort(music, 48_000, damage, 3, seed=0))()
    pair = [to_mid_side(x) for x in (music, worse)]
    found, wanted = parts(core, *powers_of(*pair)), core.compare(*pair)
    for name in ("structure", "level", "image"):
        cells = getattr(found, name)
        assert (cells >= 0).all()
        assert cells.reshape(len(cells), -1).sum(axis=1) == pytest.approx(wanted.tracks[name], rel=1e-5, abs=1e-6)
    assert bool(found.image.any()) == (damage not in ("mono", "none"))
