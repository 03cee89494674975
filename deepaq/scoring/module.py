"""The metric inside a training loop: a differentiable distance, and a running mean in the style of torchmetrics."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from deepaq.audio.offset import find
from deepaq.backbones.backbone import Backbone
from deepaq.backbones.level import gain, mid, without
from deepaq.core.core import Core, pooled
from deepaq.errors import UserError
from deepaq.scoring.metric import Metric, load

_HALF = (torch.float16, torch.bfloat16)


class Distance(nn.Module):
    """A frozen metric as a loss.

        loss = deepaq.Distance()(decoded, original)

    The first argument gets a gradient, the metric's weights do not. Signals of any floating-point type are compared in
    float32, also under autocast and in a model of half precision; after `.double()`, in float64.

    model: as for `deepaq.load`, or a Metric. sample_rate: rate of the signals in Hz, which must be the model's
    (`.rate`), because nothing is resampled. match_level: remove the gain of the first argument, as `Metric.score` does;
    False lets it count. Raises UserError for another rate, and for a gain that the model ignores.
    """

    precision: Tensor

    def __init__(
        self, model: str | Path | Metric | None = None, sample_rate: int | None = None, match_level: bool = True
    ) -> None:
        super().__init__()
        metric = model if isinstance(model, Metric) else load(model)
        self.comparator = metric.backbone
        self.backbone: Backbone | None = None
        if not isinstance(metric.backbone, Core):
            # A copy, because this module may be moved to another device and the caller's metric must not.
            self.comparator = self.backbone = deepcopy(metric.model.network).eval().requires_grad_(False)
        self.register_buffer(
            "precision", torch.zeros(()), persistent=False
        )  # its type is the precision of the comparison
        self.rate, self.match_level = metric.rate, match_level
        if not match_level:
            self.comparator.require_level()
        if sample_rate not in (None, self.rate):
            raise UserError(f"sample_rate={sample_rate}: the model runs at {self.rate} Hz, resample first")

    def train(self, mode: bool = True) -> Distance:
        """Set the mode of this module; the metric inside stays in evaluation mode."""
        super().train(mode)
        if self.backbone is not None:
            self.backbone.eval()
        return self

    def forward(self, degraded: Tensor, reference: Tensor) -> Tensor:
        """Aligned signals of (batch, frames) or (batch, channels, frames) -> (batch,) distances.

        Two channels become mid and side for a model of two channels; otherwise channels are averaged.
        """
        if degraded.shape != reference.shape or degraded.ndim not in (2, 3):
            raise UserError(
                f"shapes {tuple(degraded.shape)} and {tuple(reference.shape)}: give two equal (batch, frames)"
                " or (batch, channels, frames)"
            )
        if not (degraded.is_floating_point() and reference.is_floating_point()):
            raise UserError(f"signals of {degraded.dtype} and {reference.dtype}: give floating point within -1 to 1")
        if degraded.shape[-1] < self.comparator.shortest_s * self.rate or not degraded.shape[0]:
            needed = f"{self.comparator.shortest_s:g} s at {self.rate} Hz"
            raise UserError(f"shape {tuple(degraded.shape)}: at least one signal of {needed} is needed")
        with torch.autocast(degraded.device.type, enabled=False):
            clean, coded = self._prepared(reference), self._prepared(degraded)
            coded = without(coded, gain(mid(clean), mid(coded)) if self.match_level else 1.0)
            if isinstance(self.comparator, Core):
                return self._core(self.comparator, clean, coded)
            assert self.backbone is not None
            ours, theirs = (self.backbone.embed_audio(signal) for signal in (clean, coded))
            return self.backbone.pooling.distance(ours, theirs)

    @staticmethod
    def _core(core: Core, clean: Tensor, coded: Tensor) -> Tensor:
        """The core's distance at the nominal level of every reference."""
        nominal = core.nominal_gain(mid(clean).detach())[:, None]
        ours, theirs = (without(signal, 1 / nominal) for signal in (clean, coded))
        if ours.ndim == 2:
            found = core.steps((ours, None), (theirs, None))
        else:
            found = core.steps((ours[:, 0], ours[:, 1]), (theirs[:, 0], theirs[:, 1]))
        distance: Tensor = pooled(found.distance).to(clean.dtype)
        return distance

    def _prepared(self, signal: Tensor) -> Tensor:
        """Remove the DC offset like a `Stream`, and mix the channels for the model, in its precision."""
        signal = signal.to(self.precision.dtype)
        offset = find(signal if signal.ndim == 3 else signal[:, None])[..., None]
        signal = signal - (offset if signal.ndim == 3 else offset[:, 0])
        if signal.ndim == 3 and signal.shape[1] == self.comparator.channels == 2:
            left, right = signal.unbind(dim=1)
            return torch.stack([left + right, left - right], dim=1) / 2
        return signal.mean(dim=1) if signal.ndim == 3 else signal

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Distance:
        """Move the metric with the module around it, but never to half precision, which would change its weights."""

        def kept(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            return tensor.to(moved.device) if moved.dtype in _HALF else moved

        return super()._apply(kept, recurse)


class Quality(nn.Module):
    """Mean MOS of all signals since the last reset, with the methods update, compute and reset of torchmetrics.

    model: as for `deepaq.load`, or a Metric with a mapping to MOS.
    """

    higher_is_better: ClassVar[bool] = True
    is_differentiable: ClassVar[bool] = False
    full_state_update: ClassVar[bool] = False
    total: Tensor
    count: Tensor

    def __init__(self, model: str | Path | Metric | None = None) -> None:
        super().__init__()
        metric = model if isinstance(model, Metric) else load(model)
        if metric.model.full is None:
            raise UserError("this model has no mapping to MOS; use deepaq.Distance")
        self.mapping = metric.model.full
        self.distance = Distance(metric)
        self.register_buffer("total", torch.zeros((), dtype=torch.float64), persistent=False)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64), persistent=False)

    @torch.no_grad()
    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add degraded signals `preds` with their references `target`, as `Distance` takes them."""
        self._add(self._mos(preds, target))

    @torch.no_grad()
    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """Call `update` and return the mean MOS of this batch."""
        values = self._mos(preds, target)
        self._add(values)
        return values.mean()

    def compute(self) -> Tensor:
        """Return the mean MOS so far; NaN when there was no signal."""
        return self.total / self.count

    def reset(self) -> None:
        """Forget all signals."""
        self.total.zero_()
        self.count.zero_()

    def _mos(self, preds: Tensor, target: Tensor) -> Tensor:
        distances = self.distance(preds, target)
        return torch.from_numpy(self.mapping(distances.cpu().numpy())).to(distances)

    def _add(self, values: Tensor) -> None:
        self.total += values.double().sum()
        self.count += len(values)
