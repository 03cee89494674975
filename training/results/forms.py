"""Functions for an ONNX file of `training export`: a network's points, or the packaged metric from signals to MOS."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from deepaq.audio.offset import find
from deepaq.backbones.backbone import Backbone
from deepaq.backbones.level import gain
from deepaq.core.core import Core
from deepaq.errors import UserError
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.mapping import Exponential
from deepaq.scoring.segments import FRAME_S, audible, leading_silence, sounding_frames

_INPUTS = {
    "reference": "(batch, 2, frames)",
    "degraded": "(batch, 2, frames), aligned with the reference to the sample",
    "gains": "(batch, 2): factors for reference and degraded; 0 lets the file find them",
}
_OUTPUTS = {
    "distance": "(batch,)",
    "mos": "(batch,)",
    "applied": "(batch, 2): what was applied; the first over the second is the gain of the degraded signal",
    "start": "(1,): samples of silence at the beginning that were left out",
    "steps": "(batch, steps): distance over time, 25 per second; the sum of structure, level and image",
    "structure": "(batch, steps)",
    "level": "(batch, steps)",
    "image": "(batch, steps)",
    "audible": "(batch, steps): 1, or 0 where both signals are silent, which does not count",
}
_STEREO = "mid = (left + right) / 2, then side = (left - right) / 2"


class Form(nn.Module, ABC):
    """A function of tensors to be written as the file `name`.onnx.

    axes: those of inputs and outputs whose length is free, by number. shortest_s: of its signals, in seconds.
    """

    name: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]]
    axes: dict[str, dict[int, str]]
    shortest_s: float

    @abstractmethod
    def example(self, seconds: float, seed: int) -> tuple[Tensor, ...]:
        """Make inputs of noise that last so long."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what the file's user must know, JSON-serialisable; docs/other-languages.md explains each entry."""

    @abstractmethod
    def notice(self) -> str:
        """Return the terms of use."""


def form_of(model: Checkpoint) -> Form:
    """Return the form of a run or of the packaged metric."""
    return CoreForm(model) if isinstance(model.backbone, Core) else NetworkForm(model.network.merged())


class NetworkForm(Form):
    """Samples to the points for a matching reference and for non-matching ones."""

    name = "network"
    inputs = ("samples",)

    def __init__(self, network: Backbone) -> None:
        super().__init__()
        self.network = network
        self.shortest_s = network.shortest_s
        frames = 2 if network.channels == 2 else 1  # the axis of time
        axes = {"samples": {0: "batch", frames: "frames"}, "points": {0: "batch", 1: "steps"}, "clip": {0: "batch"}}
        self.axes = axes
        self.eval()  # the exporter restores the mode of the whole

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.embed_both(self.network.front(samples))

    def example(self, seconds: float, seed: int) -> tuple[Tensor, ...]:
        return (_noise(seconds, self.network.sample_rate, self.network.channels, seed),)

    def describe(self) -> dict[str, Any]:
        network = self.network
        return {
            "backbone": network.name,
            "sample_rate": network.sample_rate,
            "channels": network.channels,
            "samples": _STEREO if network.channels == 2 else "mean of the channels",
            "segment_s": network.segment_s,
            "shortest_s": network.shortest_s,
            "distance": {"tracks": list(network.pooling.tracks), "power": network.pooling.power},
        }

    def notice(self) -> str:
        return self.network.notice()


class CoreForm(Form):
    """Two aligned signals to distance and MOS, with all that a score does in between.

    Offsets and the gain of the degraded signal are removed, the reference is brought to the nominal level, and steps in
    which both are silent are left out.
    """

    name = "core"
    inputs = ("reference", "degraded", "gains")

    def __init__(self, model: Checkpoint) -> None:
        super().__init__()
        assert isinstance(model.backbone, Core)
        if not isinstance(model.full, Exponential):
            raise UserError("--onnx: this model has no exponential mapping to MOS")
        self.core, self.curve = model.backbone, model.full
        self.shortest_s, self.frame = self.core.shortest_s, round(FRAME_S * self.core.sample_rate)
        signals = {name: {0: "batch", 2: "frames"} for name in ("reference", "degraded")}
        whole: dict[str, dict[int, str]] = {name: {0: "batch"} for name in ("gains", "distance", "mos", "applied")}
        steps = {name: {0: "batch", 1: "steps"} for name in ("steps", "structure", "level", "image", "audible")}
        self.axes = signals | whole | {"start": {}} | steps

    def forward(self, reference: Tensor, degraded: Tensor, gains: Tensor) -> tuple[Tensor, ...]:
        ours, theirs = _without_offset(reference), _without_offset(degraded)
        nominal = self.core.nominal_gain(ours[:, 0])[:, None]
        own = torch.cat([nominal, nominal / gain(ours[:, 0], theirs[:, 0])], 1)
        applied = torch.where(gains > 0, gains, own)
        start = self._start(self._sounding(ours, theirs), ours.shape[2])
        ours, theirs = ours[..., start:], theirs[..., start:]
        levelled = (signal * applied[:, place, None, None] for place, signal in enumerate((ours, theirs)))
        found = self.core.steps(*((signal[:, 0], signal[:, 1]) for signal in levelled))
        heard = audible(self._sounding(ours, theirs), found.distance.shape[1])
        distance = ((found.distance * found.distance * heard).sum(1) / heard.sum(1).clamp(min=1)).sqrt()
        tracks = (found.distance, found.structure, found.level, found.image)
        outputs = (distance, self.curve(distance), applied, start.reshape(1), *tracks, heard)
        return tuple(output.float() for output in outputs)

    def _sounding(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Flags over time, (batch, n), of sound in either signal."""
        first, second = (sounding_frames(signal, self.frame) for signal in (ours, theirs))
        return first | second

    def _start(self, sounding: Tensor, frames: Tensor | int) -> Tensor:
        """Samples of silence that all pairs begin with; the shortest length that can be compared is left."""
        left = torch.as_tensor(frames) - round(self.shortest_s * self.core.sample_rate)
        return torch.minimum(self.frame * leading_silence(sounding).min(), left)

    def example(self, seconds: float, seed: int) -> tuple[Tensor, ...]:
        reference, degraded = (_noise(seconds, self.core.sample_rate, 2, 2 * seed + number) for number in range(2))
        return reference, reference + 0.1 * degraded, torch.zeros(1, 2)

    def describe(self) -> dict[str, Any]:
        return {
            "backbone": self.core.name,
            "sample_rate": self.core.sample_rate,
            "channels": 2,
            "samples": _STEREO,
            "segment_s": self.core.segment_s,
            "shortest_s": self.shortest_s,
            "distance": {"power": self.core.power},
            "inputs": _INPUTS,
            "outputs": _OUTPUTS,
        }

    def notice(self) -> str:
        return f"The metric may be used under {self.core.licence}, like deepaq itself.\n"


def _without_offset(signal: Tensor) -> Tensor:
    """Remove the constant offset of left and right: mid and side, (batch, 2, frames), -> the same."""
    mid, side = signal.unbind(1)
    left, right = find(torch.stack([mid + side, mid - side], 1)).unbind(1)
    return signal - torch.stack([left + right, left - right], 1)[..., None] / 2


def _noise(seconds: float, rate: int, channels: int, seed: int) -> Tensor:
    shape = (2,) if channels == 2 else ()
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(1, *shape, round(seconds * rate), generator=generator)
