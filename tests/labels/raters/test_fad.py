"""The Fréchet distance against its definition, and where its embeddings come from."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

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


SMALL = {
    "hidden_size": 64,
    "patch_embeds_hidden_size": 8,
    "projection_dim": 16,
    "depths": [1, 1, 1, 1],
    "num_attention_heads": [1, 1, 2, 2],
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network as the library stores one."""
    folder = tmp_path_factory.mktemp("clap")
    torch.manual_seed(0)
    transformers.ClapAudioModelWithProjection(transformers.ClapAudioConfig(**SMALL)).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "clap"))


def test_clap_gives_the_library_s_frames_for_as_long_as_it_sounds(small: Path) -> None:
    """Weights stored as they are published are read back; long sound is taken in equal pieces."""
    embedding = Clap(str(small))
    assert embedding.frames(music(12, rate=48_000)[:, 0]).shape == (38, 64)
    samples = music(10, rate=48_000)[:, 0]
    library = transformers.ClapAudioModelWithProjection.from_pretrained(small).eval().audio_model
    features = embedding.extractor(samples, sampling_rate=48_000, return_tensors="pt")
    with torch.inference_mode():
        expected = library(**features).last_hidden_state[0].mean(dim=1).T
    np.testing.assert_allclose(embedding.frames(samples), expected.numpy(), atol=1e-5)


def test_clap_stored_with_its_text_tower_is_read(small: Path, folder: Path) -> None:
    state = load_file(small / "model.safetensors")
    whole = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    save_file({**whole, "text_model.embeddings.weight": torch.ones(3), "logit_scale_a": torch.ones(1)},
              folder / "model.safetensors")  # fmt: skip
    config = json.loads((small / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({"model_type": "clap", "text_config": {}, "audio_config": config}))
    assert Clap(str(folder)).fingerprint == Clap(str(small)).fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 1 << 40}, "hidden_size is 1099511627776, as in no known network"),
        ({"hidden_size": 128}, "has another shape for"),
        ({"hidden_size": True}, "hidden_size is True"),
        ({"depths": [10**6] * 4}, "depths is"),
        ({"depths": [32] * 4}, "lacks audio_model"),
        ({"depths": [33] * 4}, "do not fit together"),
        ({"depths": [1]}, "do not fit together"),
        ({"depths": "1111"}, "depths is 1111"),
        ({"num_attention_heads": [3, 3, 3, 3]}, "describes no network"),
        ({"spec_size": 1 << 20}, "spec_size is"),
        ({"enable_fusion": True}, "enable_fusion is True"),
        ({"hidden_act": "owner/kernel"}, "hidden_act is owner/kernel"),
        ({"audio_config": []}, "is no readable configuration"),
    ],
)
def test_a_foreign_configuration_of_clap_is_refused(folder: Path, change: dict[str, object], message: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(UserError, match=message):
        Clap(str(folder))


@pytest.mark.parametrize("text", ["", "[]", "null", "1", "{" * 100_000, '{"a":' * 100_000, '{"hidden_size": NaN}'])
def test_a_configuration_of_clap_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(UserError, match="is no readable configuration"):
        Clap(str(folder))


@pytest.mark.parametrize(
    "change",
    [
        {"_attn_implementation": "owner/kernel"},
        {"attn_implementation": "owner/kernel"},
        {"auto_map": {"AutoModel": "owner/code--model.Clap"}},
        {"attention_probs_dropout_prob": 1.0, "dtype": "float16", "torch_dtype": "float16", "name_or_path": "owner/x"},
    ],
)
def test_a_configuration_of_clap_runs_no_code_and_changes_nothing_else(folder: Path, change: dict[str, object]) -> None:
    own = Clap(str(folder))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    foreign = Clap(str(folder))
    assert foreign.network.config._attn_implementation == "eager"
    samples = music(1, rate=48_000)[:, 0]
    np.testing.assert_array_equal(foreign.frames(samples), own.frames(samples))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda name, tensor: None if "layers.0" in name else tensor, r"lacks .*layers\.0"),
        (lambda name, tensor: tensor * math.nan if name.endswith("norm.bias") else tensor, "holds NaN"),
        (lambda name, tensor: torch.full_like(tensor, 1 << 40) if "index" in name else tensor, ""),
    ],
)
def test_tensors_of_clap_are_checked(
    folder: Path, change: Callable[[str, torch.Tensor], torch.Tensor | None], message: str
) -> None:
    state = load_file(folder / "model.safetensors")
    changed = {name: tensor for name, old in state.items() if (tensor := change(name, old)) is not None}
    save_file(changed, folder / "model.safetensors")
    if message:
        with pytest.raises(UserError, match=message):
            Clap(str(folder))
    else:  # indices are not read
        assert Clap(str(folder)).frames(music(1, rate=48_000)[:, 0]).shape == (3, 64)


def test_what_is_no_file_of_tensors_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(UserError, match="cannot be loaded as CLAP"):
        Clap(str(folder))
