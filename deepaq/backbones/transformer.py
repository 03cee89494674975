"""Transformers of the wav2vec family, with every hidden state averaged over time.

The layers are those of the library. Calling them one by one, instead of requesting all hidden states, frees each state
once its mean is taken, and keeps the frozen convolutional front end out of the gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from deepaq.audio import SILENCE_DBFS
from deepaq.errors import UserError

# The base size of MERT v1, HuBERT and wav2vec 2.0, in the library's terms.
BASE: Mapping[str, Any] = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "conv_dim": [512] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "conv_bias": False,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
    "feat_extract_norm": "group",
    "do_stable_layer_norm": False,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
}

_CHOICES = {"hidden_act": ("gelu", "relu"), "feat_extract_norm": ("group", "layer")}
LARGEST, _MOST_LAYERS = 8192, 48  # sizes in a changed configuration


def shape(changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the base size with changes; UserError for names that are not in it and for impossible values.

    Nothing else is passed on to the library, whose configurations can name code to run.
    """
    found = {**BASE, **(changes or {})}
    for name, value in found.items():
        base: Any = BASE.get(name)
        if name in _CHOICES:
            fits = value in _CHOICES[name]
        elif isinstance(base, list):
            sizes = isinstance(value, list) and all(type(size) is int and 0 < size <= LARGEST for size in value)
            fits = sizes and len(value) == len(found["conv_dim"]) <= _MOST_LAYERS
        elif isinstance(base, float):
            fits = type(value) is float and 0 < value < 1
        else:
            most = _MOST_LAYERS if name == "num_hidden_layers" else LARGEST
            fits = type(value) is type(base) and (isinstance(value, bool) or 0 < value <= most)
        if not fits:
            raise UserError(f"backbone.config: {name[:40]}={str(value)[:40]} is not a possible value")
    return found


def build(library_class: str, shape: Mapping[str, Any], dropout: float, seed: int) -> Any:
    """Build the library's model of that shape with random weights, determined by the seed."""
    import transformers

    model_class = getattr(transformers, library_class)
    config = model_class.config_class(
        **shape,
        hidden_dropout=dropout,
        attention_dropout=dropout,
        feat_proj_dropout=dropout,
        activation_dropout=0.0,
        # A dropped layer would be missing from the pooled ones. Masked spans are for pretraining, but the vector that
        # stands in for them is among the published tensors, so the probability may not be 0.
        layerdrop=0.0,
        apply_spec_augment=False,
        mask_time_prob=0.05,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model_class(config)


def audible(samples: Tensor) -> Tensor:
    """Flags of audible segments, (batch, frames) -> (batch,): False if either half is below -70 dBFS, as in padding."""
    frames = samples.shape[1]
    halves = samples.unfold(1, frames // 2, (frames + 1) // 2)
    return (halves.var(dim=2, correction=0) >= 10 ** (SILENCE_DBFS / 10)).all(dim=1)


def normalised(samples: Tensor) -> Tensor:
    """Scale each segment of (batch, frames) to zero mean and unit variance, as in pretraining."""
    variance, mean = torch.var_mean(samples, dim=1, correction=0, keepdim=True)
    return (samples - mean) * torch.rsqrt(variance + 1e-7)


def pooled(network: Any, samples: Tensor, train_frontend: bool, checkpointing: bool) -> Tensor:
    """Means over time of the hidden states, in float32 or wider: (batch, frames) -> (batch, layers + 1, hidden size).

    network: the library's model. checkpointing: compute activations twice instead of keeping them.
    """
    with torch.set_grad_enabled(train_frontend and torch.is_grad_enabled()):
        features = network.feature_extractor(samples).transpose(1, 2)
    hidden = network.feature_projection(features)
    hidden = hidden[0] if isinstance(hidden, tuple) else hidden  # wav2vec 2.0 also returns the features to quantise
    encoder, wide = network.encoder, torch.promote_types(hidden.dtype, torch.float32)
    with torch.autocast(hidden.device.type, enabled=False):  # in bfloat16, some processors get this convolution wrong
        position = encoder.pos_conv_embed(hidden.to(wide))
    hidden = encoder.dropout(encoder.layer_norm(hidden + position))
    means = [hidden.mean(dim=1, dtype=wide)]
    for layer in encoder.layers:
        # Reentrant checkpointing would lose the gradients of LoRA, because its first input has none.
        hidden = checkpoint(layer, hidden, use_reentrant=False) if checkpointing else layer(hidden)
        means.append(hidden.mean(dim=1, dtype=wide))
    return torch.stack(means, dim=1)
