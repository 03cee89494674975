"""The curve from distance to MOS that is learned together with a network."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from deepaq.scoring.mapping import Exponential


class Curve(nn.Module):
    """MOS = 1 + (top - 1) exp(-scale * distance ** power), scale and power positive and trained.

    top: MOS of an identical pair.
    """

    def __init__(self, top: float, scale: float = 0.5, power: float = 1.0) -> None:
        super().__init__()
        self.top = top
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.log_power = nn.Parameter(torch.tensor(math.log(power)))

    def forward(self, distance: Tensor) -> Tensor:
        # The floor keeps the gradient of the power finite at distance 0.
        raised = distance.clamp(min=1e-6) ** self.log_power.exp()
        return 1 + (self.top - 1) * torch.exp(-self.log_scale.exp() * raised)

    def start_at(self, distance: Tensor, mos: Tensor) -> None:
        """Pass through the medians of (n,) distances and labels, so that training starts at the right scale."""
        share = ((mos.median() - 1) / (self.top - 1)).clamp(0.01, 0.99)
        with torch.no_grad():
            self.log_scale.copy_((-share.log() / distance.median().clamp(min=1e-6)).log())

    def mapping(self) -> Exponential:
        """Return the curve as learned so far."""
        return Exponential(self.top, self.log_scale.exp().item(), self.log_power.exp().item())
