"""The compact network in torch, to train it: small enough to learn, and to score, on a CPU."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepaq.backbones.backbone import Backbone
from deepaq.compact import bands, network
from deepaq.compact.light import LightCompact
from deepaq.compact.settings import CompactSettings, CompactTraits

_GAINS = (0.3, 1.0, 0.3)  # initial gains of luminance, structure and image


class Compact(CompactTraits, Backbone):
    """The weights of `deepaq.compact.network`, under the same names. settings: those of `CompactSettings`."""

    front_rate = bands.FRAMES_PER_S
    small = True

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self._settings = CompactSettings(**settings)
        width, blocks, projected = self._settings.width, self._settings.blocks, self._settings.projected
        self.stem = nn.Conv1d(network.ERB + 2 * network.NEURO, width, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.projections = nn.ModuleList(nn.Conv1d(width, projected, 1) for _ in range(blocks + 1))
        gains = torch.tensor(_GAINS).log()[:, None].repeat(1, network.NEURO)
        self.log_gain = nn.Parameter(gains / network.PACE)
        self.clip = _ClipHead(self._settings.clip_dims)
        self.pooling = network.pooling(blocks, projected)

    @classmethod
    def of(cls, light: LightCompact) -> Compact:
        """The same network with its weights in torch, in evaluation mode."""
        made = cls(**light.settings())
        made.load_state_dict({name: torch.from_numpy(values.copy()) for name, values in light.tensors.items()})
        return made.eval()

    def settings(self) -> dict[str, Any]:
        return asdict(self._settings)

    def front(self, samples: Tensor) -> Tensor:
        found: Tensor = network.front(samples)
        return found

    def embed_audio(self, samples: Tensor) -> Tensor:
        return self.embed(network.over_time(samples))

    def embed(self, front: Tensor) -> Tensor:
        found: Tensor = network.embed(front, self._weights(), self._settings.blocks)
        return found

    def describe(self, front: Tensor) -> Tensor:
        found: Tensor = network.describe(front[..., -network.OF_CLIP :])
        return found

    def embed_clip(self, description: Tensor) -> Tensor:
        weights = dict(self.clip.named_parameters()) | dict(self.clip.named_buffers())
        standard = network.standardised(description, weights)
        # The dropout keeps the head from learning the clips by heart.
        found: Tensor = network.embed_clip(F.dropout(standard, self._settings.clip_dropout, self.training), weights)
        return found

    def calibrate(self, descriptions: Tensor) -> None:
        """Take over mean and deviation of the training clips' descriptions, (clips, 984)."""
        self.clip.mean.copy_(descriptions.mean(dim=0))
        self.clip.deviation.copy_(descriptions.std(dim=0) + 1e-3)

    def clip_parameters(self) -> list[nn.Parameter]:
        return list(self.clip.parameters())

    def _weights(self) -> dict[str, Tensor]:
        return dict(self.named_parameters())


class _Block(nn.Module):
    """Weights of a residual block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.over_time = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)


class _ClipHead(nn.Module):
    """Weights of the head for whole clips; the names of the layers are those of earlier versions."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(network.DESCRIBED))
        self.register_buffer("deviation", torch.ones(network.DESCRIBED))
        layers = {"1": nn.Linear(network.DESCRIBED, network.HIDDEN), "3": nn.Linear(network.HIDDEN, dims)}
        self.layers = nn.ModuleDict(layers)
