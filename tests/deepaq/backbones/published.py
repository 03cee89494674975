"""Checkpoint folders as they are published, with random values, their tensors named without the library's help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

SMALL = {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
BASE = {
    "hidden_size": 768,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "conv_dim": [512] * 7,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
}
# What MERT-v1-95M's config.json says beyond its size.
MERT_CONFIG = {
    "architectures": ["MERTModel"],
    "auto_map": {"AutoModel": "modeling_MERT.MERTModel"},
    "attention_relax": -1.0,
    "deepnorm": False,
    "feature_extractor_cqt": False,
    "model_type": "mert_model",
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "feat_extract_norm": "group",
    "num_hidden_layers": 12,
    "sample_rate": 24000,
}


def tensors(size: dict[str, Any] = SMALL, old_names: bool = True, seed: int = 0) -> dict[str, Tensor]:
    """The 211 tensors of a network of twelve layers; old_names: weight norm as it was before torch 2."""
    generator = torch.Generator().manual_seed(seed)
    width, wide, channels = size["hidden_size"], size["intermediate_size"], size["conv_dim"]
    kernel, groups = size["num_conv_pos_embeddings"], size["num_conv_pos_embedding_groups"]
    g, v = ("weight_g", "weight_v") if old_names else (f"parametrizations.weight.original{i}" for i in (0, 1))
    shapes: dict[str, tuple[int, ...]] = {"masked_spec_embed": (width,)}
    for layer, length in enumerate((10, 3, 3, 3, 3, 2, 2)):
        inputs = channels[layer - 1] if layer else 1
        shapes[f"feature_extractor.conv_layers.{layer}.conv.weight"] = (channels[layer], inputs, length)
    for part in ("weight", "bias"):
        shapes[f"feature_extractor.conv_layers.0.layer_norm.{part}"] = (channels[0],)
        shapes[f"feature_projection.layer_norm.{part}"] = (channels[-1],)
        shapes[f"encoder.layer_norm.{part}"] = (width,)
    shapes["feature_projection.projection.weight"] = (width, channels[-1])
    shapes["feature_projection.projection.bias"] = (width,)
    shapes["encoder.pos_conv_embed.conv.bias"] = (width,)
    shapes[f"encoder.pos_conv_embed.conv.{g}"] = (1, 1, kernel)
    shapes[f"encoder.pos_conv_embed.conv.{v}"] = (width, width // groups, kernel)
    linears = {f"attention.{name}_proj": (width, width) for name in "kvq"} | {"attention.out_proj": (width, width)}
    linears |= {"feed_forward.intermediate_dense": (wide, width), "feed_forward.output_dense": (width, wide)}
    for layer in range(12):
        for name, shape in linears.items():
            shapes[f"encoder.layers.{layer}.{name}.weight"] = shape
            shapes[f"encoder.layers.{layer}.{name}.bias"] = shape[:1]
        for name in ("layer_norm", "final_layer_norm"):
            shapes[f"encoder.layers.{layer}.{name}.weight"] = shapes[f"encoder.layers.{layer}.{name}.bias"] = (width,)
    return {name: 0.1 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def write(folder: Path, state: dict[str, Tensor], kind: str = "bin", **config: Any) -> Path:
    """A folder of `pytorch_model.bin` or `model.safetensors` and config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "bin":
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({**MERT_CONFIG, **config}))
    return folder
