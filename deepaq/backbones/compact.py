"""The compact network: small enough to learn, and to score, on a CPU.

For full reference, degraded frames are compared with the reference's frames at the same time: outputs of a few
convolutions of their spectra, the two quantities that ViSQOL compares (level and structure), and the level of the side
signal, which represents the stereo image. For non-matching references, statistics of the whole clip pass two small
layers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepaq.backbones import bands, neurogram
from deepaq.backbones.backbone import Backbone
from deepaq.backbones.level import mid
from deepaq.backbones.pooling import Pooling
from deepaq.core import description
from deepaq.errors import UserError

_ERB, _MEL, _FLAT = description.ERB, description.MEL, description.FLAT  # columns of the front
_NEURO = neurogram.BANDS
_OVER_TIME = 2 * _NEURO + _ERB  # columns used for full reference
_MUSIC = -5.0  # typical log energy in an ERB band
_GAINS = (0.3, 1.0, 0.3)  # initial gains of luminance, structure and image
_LARGEST = 1024  # bound of every size
_PACE = 5.0  # factor of their learning rate


class Compact(Backbone):
    """width: channels of the convolutions. blocks: how many. projected: dimensions kept of every layer.

    clip_dims: dimensions of the clip embedding.
    """

    name = "compact"
    sample_rate = bands.SAMPLE_RATE
    front_rate = bands.FRAMES_PER_S
    segment_s = 10.0
    shortest_s = 0.25
    channels = 2
    hears_level = True
    small = True
    clip_head = True

    def __init__(
        self, width: int = 96, blocks: int = 3, projected: int = 32, clip_dims: int = 16, clip_dropout: float = 0.4
    ) -> None:
        sizes = {"width": width, "blocks": blocks, "projected": projected, "clip_dims": clip_dims}
        for name, size in sizes.items():
            if type(size) is not int or not 1 <= size <= _LARGEST:
                raise UserError(f"backbone compact: {name} is a whole number from 1 to {_LARGEST}")
        if not isinstance(clip_dropout, int | float) or not 0 <= clip_dropout < 1:
            raise UserError("backbone compact: clip_dropout is a number from 0 to below 1")
        super().__init__()
        self._settings = {**sizes, "clip_dropout": clip_dropout}
        self.stem = nn.Conv1d(_ERB + 2 * _NEURO, width, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.projections = nn.ModuleList(nn.Conv1d(width, projected, 1) for _ in range(blocks + 1))
        self.log_gain = nn.Parameter(torch.tensor(_GAINS).log()[:, None].repeat(1, _NEURO) / _PACE)
        self.clip = _ClipHead(clip_dims, clip_dropout)
        tracks = ((blocks + 1) * projected, 2 * _NEURO, 2 * _NEURO * neurogram.CELLS, _NEURO)
        self.pooling = Pooling(2.0, tracks)

    def settings(self) -> dict[str, Any]:
        return dict(self._settings)

    def front(self, samples: Tensor) -> Tensor:
        """(batch, frames) or (batch, 2, frames), mid and side, at 48 kHz -> (batch, steps, 312).

        For a full reference, whose level matters: neurograms of mid and side, log energies of mid in ERB bands. For
        whole clips, whose level does not: the mid signal's log energies in ERB and mel bands, and flatness.
        """
        power = bands.power(mid(samples))
        erb, mel = (bands.log_energy(power @ bands.bank(kind).to(power)) for kind in ("erb", "mel"))
        return torch.cat([_over_time(samples), erb, mel, description.flatness(power)], dim=2)

    def embed_audio(self, samples: Tensor) -> Tensor:
        return self.embed(_over_time(samples))

    def embed(self, front: Tensor) -> Tensor:
        """(batch, steps, 312) -> (batch, steps // 2, dims): 25 steps a second, each of four tracks.

        The first holds what all layers made of the sound; the second, the luminance of two frames, weighted per band;
        the third, their structure; the fourth, the luminance of the side signal.
        """
        front = front[:, : front.shape[1] // 2 * 2]
        neuro, side, erb = front[:, :, :_OVER_TIME].split([_NEURO, _NEURO, _ERB], dim=2)
        luminance, structure = neurogram.luminance(neuro), neurogram.structure(neuro)
        middle = structure[..., neurogram.CELLS // 2]
        hidden = self.stem(torch.cat([erb - _MUSIC, luminance, middle], dim=2).transpose(1, 2))
        layers = [self.projections[0](hidden)]
        for block, projection in zip(self.blocks, self.projections[1:], strict=True):
            hidden = block(hidden)
            layers.append(projection(hidden))
        gains = (_PACE * self.log_gain).exp()
        weighted = (luminance * gains[0], (structure * gains[1, :, None]).flatten(2))
        tracks = [torch.cat(layers, dim=1).transpose(1, 2)]
        tracks += [frames.unflatten(1, (-1, 2)).flatten(2) for frames in weighted]
        tracks.append(neurogram.luminance(side[:, ::2]) * gains[2])
        return torch.cat(tracks, dim=2)

    def describe(self, front: Tensor) -> Tensor:
        """(batch, steps, 312) -> (batch, 984): every band's statistics over the clip."""
        energies, flat = front[:, :, _OVER_TIME:].split([_ERB + _MEL, _FLAT], dim=2)
        found: Tensor = description.statistics(energies, flat)
        return found

    def embed_clip(self, description: Tensor) -> Tensor:
        return self.clip(description)

    def calibrate(self, descriptions: Tensor) -> None:
        """Take over mean and deviation of the training clips' descriptions, (clips, 984)."""
        self.clip.mean.copy_(descriptions.mean(dim=0))
        self.clip.deviation.copy_(descriptions.std(dim=0) + 1e-3)

    def clip_parameters(self) -> list[nn.Parameter]:
        return list(self.clip.parameters())


class _Block(nn.Module):
    """A residual block: depthwise convolution over time, then two dense layers per step."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.over_time = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        update = self.norm(self.over_time(hidden).transpose(1, 2))
        return hidden + self.down(F.gelu(self.up(update))).transpose(1, 2)


class _ClipHead(nn.Module):
    """Standardised clip statistics -> 64 -> dims; the dropout keeps it from learning the clips by heart."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, dims: int, dropout: float) -> None:
        super().__init__()
        size = description.SIZE
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(size, 64), nn.GELU(), nn.Linear(64, dims))

    def forward(self, description: Tensor) -> Tensor:
        embedding: Tensor = self.layers((description - self.mean) / self.deviation)
        return embedding


def _over_time(samples: Tensor) -> Tensor:
    """Columns for full reference, (batch, steps, 128), see `Compact.front`."""
    middle = mid(samples)
    neuro = neurogram.levels(middle)
    if samples.ndim == 2:
        side = torch.full_like(neuro, neurogram.FLOOR)
    else:  # a step of `embed` has two frames; one suffices here
        side = neurogram.levels(samples[:, 1], 2).repeat_interleave(2, dim=1)[:, : neuro.shape[1]]
    erb = bands.energies(middle, bands.bank("erb").to(middle))
    return torch.cat([neuro, side, bands.log_energy(erb, 10**neurogram.FLOOR)], dim=2)
