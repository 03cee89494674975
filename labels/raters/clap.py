"""The audio tower of CLAP, from the folder of its published weights; nothing in the folder is trusted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepaq.audio.container import reason
from deepaq.errors import UserError
from deepaq.files import read_json

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, TENSORS = "config.json", "model.safetensors"
# Settings that `config.json` may hold, in the library's terms: sizes, which the tensors must have too, ...
SIZES: Mapping[str, int | list[int]] = {
    "patch_embeds_hidden_size": 96,
    "hidden_size": 768,
    "projection_dim": 512,
    "depths": [2, 2, 6, 2],
    "num_attention_heads": [4, 8, 16, 32],
}
# ... and what all published networks without fusion have in common. Nothing else is passed on to the library.
FIXED: Mapping[str, Any] = {
    "window_size": 8,
    "num_mel_bins": 64,
    "spec_size": 256,
    "patch_size": 4,
    "patch_stride": [4, 4],
    "patch_embed_input_channels": 1,
    "enable_fusion": False,
    "flatten_patch_embeds": True,
    "enable_patch_layer_norm": True,
    "qkv_bias": True,
    "mlp_ratio": 4.0,
    "hidden_act": "gelu",
    "projection_hidden_act": "relu",
    "layer_norm_eps": 1e-5,
}
LARGEST, MOST_STAGES, MOST_BLOCKS = 4096, 6, 32

log = logging.getLogger("deepaq")


def random() -> Any:
    """Build the published network with random weights."""
    import torch

    log.warning("CLAP: RANDOM weights, nothing pretrained; its distances mean nothing")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _built({**SIZES, **FIXED})


def stored(folder: Path) -> Any:
    """Build the network that `config.json` describes and give it the weights of `model.safetensors`.

    UserError unless all settings are known ones and the tensors have the sizes that follow from them.
    """
    import torch

    if not all((folder / name).is_file() for name in (CONFIG, TENSORS)):
        raise UserError(f"{folder}: lacks {TENSORS} or {CONFIG}; download laion/clap-htsat-unfused into it")
    settings = _settings(folder / CONFIG)
    try:
        with torch.device("meta"):  # sizes without memory
            wanted = _built(settings).state_dict()
        state = _tensors(folder / TENSORS, wanted)
        network = _built(settings)
    except ValueError as error:  # sizes that do not fit together
        raise UserError(f"{folder / CONFIG}: describes no network ({reason(error)})") from None
    network.load_state_dict({**network.state_dict(), **state})
    return network


def _built(settings: Mapping[str, Any]) -> Any:
    from transformers import ClapAudioConfig, ClapAudioModelWithProjection

    config: Any = ClapAudioConfig(**settings, num_hidden_layers=len(settings["depths"]))
    config._attn_implementation = "eager"
    return ClapAudioModelWithProjection(config)


def _settings(path: Path) -> dict[str, Any]:
    """Return the sizes and fixed values of the audio tower; UserError for others than the known ones."""
    try:
        content = read_json(path)
        tower = content.get("audio_config", content)
        given = {name: value for name, value in tower.items() if name in {*SIZES, *FIXED}}
    except (OSError, ValueError, AttributeError, TypeError):
        raise UserError(f"{path}: is no readable configuration; download laion/clap-htsat-unfused again") from None
    for name, value in given.items():
        if name in FIXED:
            fits = type(value) is type(FIXED[name]) and value == FIXED[name]
        elif isinstance(SIZES[name], list):
            fits = isinstance(value, list) and 0 < len(value) <= MOST_STAGES and all(map(_size, value))
        else:
            fits = _size(value)
        if not fits:
            raise UserError(
                f"{path}: {name} is {str(value)[:40]}, as in no known network; use laion/clap-htsat-unfused"
            )
    settings = {**SIZES, **FIXED, **given}
    depths, heads = settings["depths"], settings["num_attention_heads"]
    if len(depths) != len(heads) or max(depths) > MOST_BLOCKS:
        raise UserError(f"{path}: depths and num_attention_heads do not fit together; use laion/clap-htsat-unfused")
    return settings


def _size(value: Any) -> bool:
    return type(value) is int and 0 < value <= LARGEST


def _tensors(path: Path, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read the wanted weights, after a look at the file's header; others, as of the text's tower, are left alone.

    Whole numbers, which are indices and counts that follow from the sizes, are not read.
    """
    from safetensors import SafetensorError, safe_open

    from deepaq.tensors import check_shapes

    wanted = {name: tensor for name, tensor in wanted.items() if tensor.is_floating_point()}
    try:
        with safe_open(path, "pt") as file:
            there = set(file.keys()) & set(wanted)
            found = {name: tuple(file.get_slice(name).get_shape()) for name in there}
            check_shapes(found, {name: tuple(tensor.shape) for name, tensor in wanted.items()}, str(path))
            state = {name: file.get_tensor(name).to(wanted[name].dtype) for name in wanted}
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be loaded as CLAP ({reason(error)}); download it again") from None
    for name, tensor in state.items():
        if not bool(tensor.isfinite().all()):
            raise UserError(f"{path}: {name} holds NaN or infinite weights; download it again")
    return state
