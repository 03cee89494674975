"""Plain spectral distances without training: baselines for trained networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from deepaq import arrays
from deepaq.backbones.backbone import Backbone
from deepaq.compact import bands
from deepaq.errors import UserError


class Plain(Backbone):
    """Log energies in bands. kind: `mel` (96 bands) or `erb` (64).

    Full reference: the mean over frames of the Euclidean distance, the log-spectral distance in bands. Non-matching:
    the Euclidean distance of every band's mean and deviation over the clip.
    """

    name = "plain"
    sample_rate = bands.SAMPLE_RATE
    front_rate = bands.FRAMES_PER_S
    segment_s = 10.0
    shortest_s = 0.25
    small = True

    def __init__(self, kind: str = "mel") -> None:
        if kind not in ("mel", "erb"):
            raise UserError(f"backbone plain: kind={kind!r}; mel or erb")
        super().__init__()
        self.kind = kind

    def settings(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def front(self, samples: Tensor) -> Tensor:
        power = bands.power(samples)
        found: Tensor = bands.log_energy(power @ arrays.like(power, bands.bank(self.kind)))
        return found

    def embed(self, front: Tensor) -> Tensor:
        return front

    def describe(self, front: Tensor) -> Tensor:
        return torch.cat([front.mean(dim=1), front.std(dim=1)], dim=1)

    def embed_clip(self, description: Tensor) -> Tensor:
        return description
