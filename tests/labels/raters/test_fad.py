"""The Fréchet distance against its definition, and where its embeddings come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from deepaq.errors import UserError
from labels.raters.embedding import Clap
from labels.raters.fad import Fad, frechet_distance
from tests.sounds import music

RNG = np.random.default_rng(0)


def by_eigenvalues(first: np.ndarray, second: np.ndarray) -> float:
    """|m1 - m2|^2 + tr C1 + tr C2 - 2 sum of the square roots of the eigenvalues of C1^1/2 C2 C1^1/2."""
    c1, c2 = np.cov(first.T), np.cov(second.T)
    values, vectors = np.linalg.eigh(c1)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ c2 @ root), 0)).sum()
    return float(np.square(first.mean(0) - second.mean(0)).sum() + np.trace(c1) + np.trace(c2) - 2 * shared)


@pytest.mark.parametrize(("points", "dims"), [((750, 750), 768), ((750, 700), 32), ((40, 900), 128), ((2, 3), 4)])
def test_the_nuclear_norm_is_the_eigen_decomposition(points: tuple[int, int], dims: int) -> None:
    mixing = RNG.standard_normal((dims, dims)) * np.geomspace(10, 0.01, dims)
    first, second = (RNG.standard_normal((count, dims)) @ mixing for count in points)
    second = 1.2 * second + 0.3
    assert frechet_distance(first, second) == pytest.approx(by_eigenvalues(first, second), rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(dims=st.integers(1, 40), points=st.integers(2, 60), shift=st.floats(-5, 5), scale=st.floats(0.1, 5))
def test_properties_of_a_distance(dims: int, points: int, shift: float, scale: float) -> None:
    first = np.random.default_rng(points).standard_normal((points, dims))
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(first, first + shift) == pytest.approx(dims * shift**2, rel=1e-6, abs=1e-9)
    other = scale * first
    # Gaussians that differ by a factor: the spreads' difference, and the means'.
    expected = (scale - 1) ** 2 * (np.trace(np.atleast_2d(np.cov(first.T))) + np.square(first.mean(0)).sum())
    assert frechet_distance(first, other) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert frechet_distance(other, first) == pytest.approx(frechet_distance(first, other), rel=1e-6, abs=1e-9)


def test_a_single_point_is_no_distribution() -> None:
    with pytest.raises(UserError, match="a single embedding"):
        frechet_distance(np.ones((1, 3)), np.ones((5, 3)))


def test_mert_gives_the_library_s_hidden_state_at_75_frames_a_second() -> None:
    samples = music(2, rate=24_000)[:, 0]
    embedding = Fad("random", "6").embedding()
    frames = embedding.frames(samples)
    assert frames.shape == (149, 768)
    normal = torch.from_numpy((samples - samples.mean()) / samples.std())[None]
    with torch.inference_mode():
        states = embedding.network(normal, output_hidden_states=True).hidden_states
    np.testing.assert_allclose(frames, states[6][0].numpy(), atol=1e-4)


def test_clap_gives_frames_for_as_long_as_it_sounds(tmp_path: Path) -> None:
    """Weights stored as they are published are read back; long sound is taken in equal pieces."""
    config = transformers.ClapAudioConfig(
        hidden_size=64, patch_embeds_hidden_size=8, depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2]
    )
    torch.manual_seed(0)
    transformers.ClapAudioModelWithProjection(config).save_pretrained(tmp_path)
    embedding = Clap(str(tmp_path))
    assert embedding.frames(music(2.5, rate=48_000)[:, 0]).shape == (8, 64)
    assert embedding.frames(music(12, rate=48_000)[:, 0]).shape == (38, 64)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(UserError, match="cannot be loaded as CLAP"):
        Clap(str(tmp_path))


def test_other_weights_are_not_taken_for_clap(tmp_path: Path) -> None:
    config = transformers.ClapAudioConfig(
        hidden_size=64, patch_embeds_hidden_size=8, depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2]
    )
    model = transformers.ClapAudioModelWithProjection(config)
    state = {name: value for name, value in model.state_dict().items() if "layers.0" not in name}
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(UserError, match=r"lacks .*layers\.0.* tensors"):
        Clap(str(tmp_path))
