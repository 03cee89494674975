"""The compact network in NumPy against the same in torch, and the transforms that do without SciPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

import deepaq
from deepaq import arrays, fourier
from deepaq.backbones.compact import Compact
from deepaq.compact.light import LightCompact
from deepaq.comparison import student
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.metric import Metric
from tests.sounds import RATE, music

PAIRS = 6  # of 1 s; tests/bench/light.py takes 200 of 10 s
NOISE = (0.0003, 0.003, 0.03)


def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    clean = [music(1.0, seed) for seed in range(PAIRS)]
    return [(x, x + np.float32(NOISE[n % 3]) * rng.standard_normal(x.shape, np.float32)) for n, x in enumerate(clean)]


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 3), st.integers(3840, 12_000), st.booleans(), st.booleans()
)
def test_points_and_distances_are_those_of_torch(
    seed: int, width: int, blocks: int, frames: int, stereo: bool, quiet: bool
) -> None:
    """In double precision, for in single precision rounding alone may exceed the bound in a random network."""
    torch.manual_seed(seed)
    network = Compact(width=width, blocks=blocks, projected=3, clip_dims=4).eval().double()
    light = LightCompact(**network.settings())
    light.tensors = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    assert light.parameter_counts() == network.parameter_counts()
    rng = np.random.default_rng(seed)
    ours = rng.standard_normal((frames, 2) if stereo else frames).cumsum(0) * 0.01
    ours *= 1e-4 if quiet else 1
    theirs = ours + 1e-3 * rng.standard_normal(ours.shape)
    assert np.allclose(light.compare(ours, theirs).distance, network.compare(ours, theirs).distance, rtol=1e-4)
    assert np.allclose(light.clip_point(theirs), network.clip_point(theirs), atol=1e-4)


def test_a_run_scores_the_same_without_torch() -> None:
    light = deepaq.load("compact-2026a")
    assert isinstance(light.backbone, LightCompact)
    heavy = Metric(Checkpoint(light.model.network, light.model.full, light.model.unmatched))
    assert heavy.fingerprint == light.fingerprint
    clean = [light.references([music(1.0, 90)], RATE), heavy.references([music(1.0, 90)], RATE)]
    for pair in pairs():
        ours, theirs = (each.score(*pair, sample_rate=RATE).mos for each in (light, heavy))
        assert ours == pytest.approx(theirs, abs=1e-5)
        ours, theirs = (
            each.score(pair[1], references=music, sample_rate=RATE).mos
            for each, music in zip((light, heavy), clean, strict=True)
        )
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = deepaq.load("compact-2026a").model
    checkpoint.save(tmp_path / "light", made)
    checkpoint.save(tmp_path / "heavy", Checkpoint(made.network, made.full, made.unmatched, made.info))
    found = [checkpoint.load(tmp_path / name).fingerprint for name in ("light", "heavy")]
    assert found == [made.fingerprint] * 2


def test_without_scipy_the_packaged_metric_scores_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [deepaq.load().score(*pair, sample_rate=RATE).mos for pair in pairs()]
    monkeypatch.setattr(fourier, "_backend", lambda: np.fft)
    again = [deepaq.load().score(*pair, sample_rate=RATE).mos for pair in pairs()]
    assert again == pytest.approx(found, abs=1e-5)


@given(st.integers(1, 10**6))
def test_the_fast_length_is_scipy_s(size: int) -> None:
    assert fourier.next_fast_len(size) == scipy.fft.next_fast_len(size, real=True)


@given(st.integers(1, 300), st.floats(0.5, 0.9999))
def test_quantiles_of_student_s_t_are_scipy_s(freedom: int, share: float) -> None:
    assert student.quantile(freedom, share) == pytest.approx(stdtrit(freedom, share), rel=1e-9, abs=1e-9)


def test_gelu_is_torch_s() -> None:
    values = np.linspace(-8, 8, 4001, dtype=np.float32)
    assert np.abs(arrays.gelu(values) - torch.nn.functional.gelu(torch.from_numpy(values)).numpy()).max() < 2e-6
