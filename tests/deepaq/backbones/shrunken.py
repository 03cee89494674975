"""MERT and its kin with two small layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from deepaq.backbones.backbone import build
from deepaq.backbones.mert import Mert
from tests.deepaq.backbones.published import SMALL

TINY = {**SMALL, "num_hidden_layers": 2}


def tiny(name: str = "mert", **settings: Any) -> Mert:
    torch.manual_seed(0)
    backbone = build(name, **{"init": "random", "config": TINY, "dims": 8, **settings})
    assert isinstance(backbone, Mert)
    return backbone


def noise(batch: int = 2, seconds: float = 1.5, rate: int = 24_000, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, round(seconds * rate), generator=generator)
