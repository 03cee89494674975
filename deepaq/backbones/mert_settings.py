"""Settings of the transformer networks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from deepaq.errors import UserError

LORA, FULL, HEAD = "lora", "full", "head"
RANGES = {"rank": (1, 1024), "alpha": (1, 65_536), "dims": (1, 16_384), "seed": (0, 2**63 - 1)}


@dataclass(frozen=True)
class MertSettings:
    """Settings of `Mert`, as they are stored with a trained network.

    init: `hub` (the pinned release, or the folder that DEEPAQ_MERT names), a folder, or `random`.
    mode: what is trained: `lora`, low-rank updates of the query and value projections and the head; `full`, everything
    but the convolutional frontend; `head`, the head alone.
    rank, alpha, lora_dropout: settings of LoRA, whose updates are scaled by alpha / rank.
    dropout: dropout of the transformer in training; pretraining used .1, but here noise would hide the small
    differences that matter.
    dims: dimensions of the embedding.
    checkpointing: recompute activations in the backward pass instead of keeping them.
    train_frontend: with `full`, train the convolutional frontend too.
    seed: seed of random weights.
    sha256: checksum of the weights file in the folder, when it is not the published one.
    fingerprint: fingerprint of the pretrained weights; others are refused. Empty for any.
    load: False leaves all weights to `restore`.
    config: changes to the architecture, in the terms of the transformers library.
    """

    init: str = "hub"
    mode: str = LORA
    rank: int = 8
    alpha: int = 16
    lora_dropout: float = 0.05
    dropout: float = 0.0
    dims: int = 256
    checkpointing: bool = False
    train_frontend: bool = False
    seed: int = 0
    sha256: str = ""
    fingerprint: str = ""
    load: bool = True
    config: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name), field.default)
        if self.mode not in (LORA, FULL, HEAD):
            raise UserError(f"backbone.mode={self.mode}: choose {LORA}, {FULL} or {HEAD}")
        if self.train_frontend and self.mode != FULL:
            raise UserError(f"backbone.train_frontend: needs backbone.mode={FULL}")


def _check(name: str, value: Any, default: Any) -> None:
    """Raise UserError unless the value has the type of the default and lies in its range."""
    if name == "config":
        fits = value is None or isinstance(value, dict)
    elif isinstance(default, float):
        fits = type(value) in (int, float) and 0 <= value < 1
    else:
        low, high = RANGES.get(name, (0, 0))
        fits = type(value) is type(default) and (type(value) is not int or low <= value <= high)
    if not fits:
        raise UserError(f"backbone.{name}={str(value)[:40]}: is not a possible value")
