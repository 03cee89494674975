"""The metric inside a training loop: a differentiable distance, and a running mean in the style of torchmetrics."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from deepaq.backbones.backbone import Backbone
from deepaq.backbones.level import gain, mid, without
from deepaq.core.core import Core, pooled
from deepaq.errors import UserError
from deepaq.scoring.metric import Metric, load


class Distance(nn.Module):
    """A frozen metric as a loss.

        loss = deepaq.Distance()(decoded, original)

    The metric's own weights get no gradient; the first argument does. model: as for `deepaq.load`, or a Metric.
    sample_rate: of the signals, Hz; it must be the model's (`.rate`), so that nothing but the network is between.
    match_level: take the gain of the first argument back before, as `Metric.score` does; False makes it count.
    UserError where the model hears another rate, or no level.
    """

    def __init__(
        self, model: str | Path | Metric | None = None, sample_rate: int | None = None, match_level: bool = True
    ) -> None:
        super().__init__()
        metric = model if isinstance(model, Metric) else load(model)
        self.comparator = metric.backbone
        self.backbone: Backbone | None = None
        if isinstance(metric.backbone, Backbone):
            # A copy: the caller's metric stays where and as it is when this module is moved.
            self.comparator = self.backbone = deepcopy(metric.backbone).eval().requires_grad_(False)
        self.rate, self.match_level = metric.rate, match_level
        if not match_level:
            self.comparator.require_level()
        if sample_rate not in (None, self.rate):
            raise UserError(f"sample_rate={sample_rate}: the model listens at {self.rate} Hz, resample first")

    def train(self, mode: bool = True) -> Distance:
        """The metric itself stays in evaluation mode."""
        super().train(mode)
        if self.backbone is not None:
            self.backbone.eval()
        return self

    def forward(self, degraded: Tensor, reference: Tensor) -> Tensor:
        """Aligned signals of (batch, frames) or (batch, channels, frames) -> (batch,) distances.

        Channels are averaged, or where the network hears the stereo image and there are two, turned to mid and side.
        """
        if degraded.shape != reference.shape or degraded.ndim not in (2, 3):
            raise UserError(
                f"shapes {tuple(degraded.shape)} and {tuple(reference.shape)}: give two equal (batch, frames)"
                " or (batch, channels, frames)"
            )
        if degraded.shape[-1] < self.comparator.shortest_s * self.rate or not degraded.shape[0]:
            needed = f"{self.comparator.shortest_s:g} s at {self.rate} Hz"
            raise UserError(f"shape {tuple(degraded.shape)}: at least one signal of {needed} is needed")
        clean, coded = self._heard(reference), self._heard(degraded)
        louder = gain(mid(clean), mid(coded)) if self.match_level else 1.0
        coded = without(coded, louder)
        if isinstance(self.comparator, Core):
            return self._core(self.comparator, clean, coded)
        assert self.backbone is not None
        ours, theirs = (self.backbone.embed_audio(signal) for signal in (clean, coded))
        return self.backbone.pooling.distance(ours, theirs)

    @staticmethod
    def _core(core: Core, clean: Tensor, coded: Tensor) -> Tensor:
        """The core's distance at the nominal level of every reference."""
        gains = [core.nominal_gain(signal.numpy()) for signal in mid(clean).detach().cpu().float()]
        nominal = torch.tensor(gains, dtype=clean.dtype, device=clean.device).reshape(-1, *[1] * (clean.ndim - 1))
        ours, theirs = (signal * nominal for signal in (clean, coded))
        if ours.ndim == 2:
            found = core.steps((ours, None), (theirs, None))
        else:
            found = core.steps((ours[:, 0], ours[:, 1]), (theirs[:, 0], theirs[:, 1]))
        distance: Tensor = pooled(found.distance).to(clean.dtype)
        return distance

    def _heard(self, signal: Tensor) -> Tensor:
        """What the network hears of it."""
        if signal.ndim == 3 and signal.shape[1] == self.comparator.channels == 2:
            left, right = signal.unbind(dim=1)
            return torch.stack([left + right, left - right], dim=1) / 2
        return signal.mean(dim=1) if signal.ndim == 3 else signal


class Quality(nn.Module):
    """Mean MOS over all that was seen since the last reset, with torchmetrics' update, compute and reset."""

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
        """preds: degraded, target: reference, both (batch, frames) or (batch, channels, frames) at the model's rate."""
        self._add(self._mos(preds, target))

    @torch.no_grad()
    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """`update`, and the mean MOS of this batch."""
        values = self._mos(preds, target)
        self._add(values)
        return values.mean()

    def compute(self) -> Tensor:
        """The mean MOS so far; NaN when nothing was seen."""
        return self.total / self.count

    def reset(self) -> None:
        """Forget what was seen."""
        self.total.zero_()
        self.count.zero_()

    def _mos(self, preds: Tensor, target: Tensor) -> Tensor:
        distances = self.distance(preds, target)
        return torch.from_numpy(self.mapping(distances.cpu().numpy())).to(distances)

    def _add(self, values: Tensor) -> None:
        self.total += values.double().sum()
        self.count += len(values)
