"""LoRA on the attention of a transformer, stored in peft's own format so that other tools can load it.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from torch import Tensor

from deepaq.audio.container import reason
from deepaq.backbones.weights import Release, check_header
from deepaq.errors import UserError
from deepaq.files import read_json, write_tensors

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"


def wrap(network: Any, release: Release, rank: int, alpha: int, dropout: float) -> Any:
    """A peft model around the library's `network`: only updates of its query and value projections are trained."""
    from peft import LoraConfig, get_peft_model

    network.name_or_path = release.repository
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=["q_proj", "v_proj"])
    config.revision = release.revision
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # between peft and transformers, none of ours
        return get_peft_model(network, config)


def save(wrapped: Any, folder: Path) -> None:
    """Write the adapter alone, as peft's `PeftModel.from_pretrained` reads it."""
    wrapped.peft_config["default"].save_pretrained(str(folder))
    write_tensors(_state(wrapped), folder / TENSORS)


def check(wrapped: Any, folder: Path) -> None:
    """Raise UserError when the stored tensors are not those of the adapter, by the header of their file."""
    check_header(folder / TENSORS, _state(wrapped))


def restore(wrapped: Any, folder: Path) -> None:
    """Read what `save` wrote; UserError when it is missing or of another rank, scale or network."""
    from peft import set_peft_model_state_dict

    path = folder / CONFIG
    try:
        found = read_json(path)
    except (OSError, ValueError):
        raise UserError(f"{path}: is missing or damaged; train or copy the run again") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: is damaged; train or copy the run again")
    wanted = wrapped.peft_config["default"]
    for key in ("r", "lora_alpha"):
        if found.get(key) != getattr(wanted, key):
            raise UserError(f"{path}: {key} is {found.get(key)}, the run's settings have {getattr(wanted, key)}")
    state, own = read(folder / TENSORS), _state(wrapped)
    if {name: t.shape for name, t in state.items()} != {name: t.shape for name, t in own.items()}:
        raise UserError(f"{folder / TENSORS}: does not fit this backbone; train or copy the run again")
    set_peft_model_state_dict(wrapped, state)


def _state(wrapped: Any) -> dict[str, Tensor]:
    from peft import get_peft_model_state_dict

    # Left to itself, peft asks the hub whether the base model's embedding layers were changed.
    state: dict[str, Tensor] = get_peft_model_state_dict(wrapped, save_embedding_layers=False)
    return state


def read(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file; UserError when it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read ({reason(error)}); train or copy the run again") from None
    return state
