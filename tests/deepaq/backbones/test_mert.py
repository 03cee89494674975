"""The MERT backbone: what it computes, what learns, what it stores, what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from deepaq.backbones import transformer
from deepaq.errors import UserError
from tests.deepaq.backbones.shrunken import TINY, noise, tiny


@pytest.mark.parametrize("name", ["mert", "wav2vec2", "hubert"])
@pytest.mark.parametrize("mode", ["lora", "full", "head"])
def test_pools_the_hidden_states_of_the_library(name: str, mode: str) -> None:
    backbone = tiny(name, mode=mode).eval()
    samples = noise(rate=backbone.sample_rate)
    with torch.no_grad():
        wanted = backbone.network(transformer.normalised(samples), output_hidden_states=True).hidden_states
        found = backbone.pooled(samples)
    assert len(wanted) == 3
    torch.testing.assert_close(found, torch.stack([state.mean(dim=1) for state in wanted], dim=1), atol=1e-6, rtol=0)


def test_pools_the_13_hidden_states_of_the_real_size() -> None:
    backbone = tiny(config=None, mode="head").eval()
    samples = noise(1, 1)
    with torch.no_grad():
        wanted = backbone.network(transformer.normalised(samples), output_hidden_states=True).hidden_states
        found = backbone.pooled(samples)
    assert found.shape == (1, 13, 768)
    torch.testing.assert_close(found, torch.stack([state.mean(dim=1) for state in wanted], dim=1), atol=1e-6, rtol=0)


def test_one_vector_per_segment_of_relu_and_linear() -> None:
    backbone = tiny().eval()
    samples = noise(3)
    with torch.no_grad():
        vector, clip = backbone.embed(backbone.front(samples)), backbone.embed_clip(backbone.describe(samples))
        linear = backbone.head[1]
        expected = backbone.pooled(samples).flatten(1).relu() @ linear.weight.T + linear.bias
    assert vector.shape == (3, 1, 8)
    assert torch.equal(vector[:, 0], clip)
    torch.testing.assert_close(clip, expected)
    assert linear.in_features == 3 * 32


def test_the_level_is_normalised_away() -> None:
    backbone = tiny().eval()
    with torch.no_grad():
        loud, quiet = backbone.embed(noise()), backbone.embed(0.05 * noise())
    torch.testing.assert_close(loud, quiet, atol=1e-4, rtol=0)


LEARNING = {
    "lora": lambda name: ".lora_" in name or name.startswith("head."),
    "head": lambda name: name.startswith("head."),
    "full": lambda name: "feature_extractor" not in name and "masked_spec_embed" not in name,
}


@pytest.mark.parametrize("mode", list(LEARNING))
@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_flow_where_they_should_and_nowhere_else(mode: str, checkpointing: bool) -> None:
    backbone = tiny(mode=mode, checkpointing=checkpointing).train()
    for name, parameter in backbone.named_parameters():
        if "lora_B" in name:  # zero at the start, which would hide the gradient of lora_A
            torch.nn.init.normal_(parameter)
    backbone.embed(noise()).square().sum().backward()
    for name, parameter in backbone.named_parameters():
        learns = LEARNING[mode](name)
        assert parameter.requires_grad is learns, name
        assert (parameter.grad is not None and bool(parameter.grad.any())) is learns or "k_proj.bias" in name, name


def test_checkpointing_changes_no_gradient() -> None:
    gradients = []
    for checkpointing in (False, True):
        backbone = tiny(checkpointing=checkpointing).train()
        torch.manual_seed(1)  # the same dropout
        backbone.embed(noise()).square().sum().backward()
        gradients.append([parameter.grad for parameter in backbone.parameters() if parameter.requires_grad])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_the_frontend_learns_only_when_asked() -> None:
    backbone = tiny(mode="full", train_frontend=True).train()
    backbone.embed(noise()).square().sum().backward()
    gradient = backbone.network.feature_extractor.conv_layers[0].conv.weight.grad
    assert gradient is not None
    assert bool(gradient.any())
    with pytest.raises(UserError, match=r"needs backbone\.mode=full"):
        tiny(train_frontend=True)


def test_no_layer_is_dropped_and_nothing_is_masked_in_training() -> None:
    backbone = tiny(dropout=0.0, lora_dropout=0.0).train()
    samples = noise(2, 1)
    once = backbone.embed(samples)
    assert all(torch.equal(once, backbone.embed(samples)) for _ in range(8))


def test_bfloat16_training_gives_float32_vectors_near_the_exact_ones() -> None:
    # PyTorch 2.13 on processors with AMX is wrong for grouped bfloat16 convolutions with fewer than 16 channels in a
    # group; MERT-v1-95M has 48.
    config = {**TINY, "num_conv_pos_embedding_groups": 2}
    backbone = tiny(config=config, dropout=0.0, lora_dropout=0.0).train()
    exact = backbone.embed(noise())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = backbone.embed(noise())
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, atol=0.05, rtol=0.05)
    rough.sum().backward()
    assert all(p.grad is not None for p in backbone.parameters() if p.requires_grad)


def test_is_one_graph_for_the_compiler() -> None:
    backbone = tiny(dropout=0.0, lora_dropout=0.0).train()
    compiled = torch.compile(backbone.embed, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(noise(1, 1)), backbone.embed(noise(1, 1)))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (noise(2, 0.9), "at least 1 s at 24000 Hz"),
        (noise(1)[0], "needs \\(batch, frames\\)"),
        (torch.zeros(1, 48_000), "near-silent or padded"),
        (torch.full((1, 48_000), 0.5), "near-silent or padded"),  # an offset is no sound
        (1e-4 * noise(1, 2), "near-silent or padded"),
        (torch.nn.functional.pad(noise(1, 1), (0, 24_000)), "near-silent or padded"),
        (torch.cat([noise(1, 2), torch.nn.functional.pad(noise(1, 1), (24_000, 0))]), "near-silent or padded"),
    ],
)
def test_refuses_what_it_cannot_judge(samples: Tensor, message: str) -> None:
    with pytest.raises(UserError, match=message):
        tiny().eval().embed(samples)


def test_says_which_segments_are_audible() -> None:
    samples = torch.cat([noise(1, 2), torch.zeros(1, 48_000), torch.nn.functional.pad(noise(1, 1.5), (0, 12_000))])
    assert tiny().audible(samples).tolist() == [True, False, True]


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UserError, match="choose lora, full or head"):
        tiny(mode="everything")


def test_the_same_seed_makes_the_same_random_weights() -> None:
    prints = [tiny(seed=seed).settings()["fingerprint"] for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]
