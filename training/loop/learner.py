"""One step of training: the network, the curves from distance to MOS, the optimiser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from deepaq.backbones.backbone import Backbone
from training.data.store import Store
from training.loop.gather import World, added, average_gradients, equalise, gathered
from training.loop.sampler import Cut, Sampler
from training.loop.schedule import learning_rate
from training.objective import terms as objective
from training.objective.batch import Labeller, Labels, sent
from training.objective.curve import Curve
from training.settings import Recipe

MODES = ("full", "unmatched")
_CURVE_PACE = 5.0  # times the network's learning rate: two numbers per curve may move faster
_START_BATCHES = 4  # that the curves' starting points are fitted to


class Learner:
    """A network in training. store: the training rows. sampler: draws their batches. steps: of the whole run.
    world: the processes that share the work."""

    def __init__(
        self, recipe: Recipe, network: Backbone, store: Store, sampler: Sampler, steps: int, world: World
    ) -> None:
        self.recipe, self.network, self.store, self.sampler, self.world = recipe, network, store, sampler, world
        self.steps, self.bfloat16 = steps, bfloat16(recipe, world.device)
        self.labeller = Labeller(store.table, recipe.contrast.bitrate_as_label, recipe.contrast.severities)
        self.top = float(store.table.mos[store.table.clean][0])
        self.descriptions = self._describe() if network.clip_head else None
        self.curves = nn.ModuleDict({mode: Curve(self.top) for mode in MODES}).to(world.device)
        equalise([*network.parameters(), *network.buffers(), *self.curves.parameters()])
        self.optimiser = self._optimiser()
        self.embed = torch.compile(network.embed) if recipe.run.compile else network.embed

    @torch.no_grad()
    def _describe(self) -> Tensor:
        """Return what the head for non-matching references takes of every training row; computed once."""

        def described(row: int) -> Tensor:
            return self.network.describe(self.store.whole(row)[None].to(self.world.device))[0]

        count, one = len(self.store.table), described(0)
        found = one.new_empty((count, *one.shape))  # filled in place: at a laboratory's size it has gigabytes
        for row in range(count):
            found[row] = described(row)
        self.network.calibrate(found)
        return found

    def _optimiser(self) -> torch.optim.AdamW:
        settings = self.recipe.optimiser
        clip = self.network.clip_parameters()
        own = {id(parameter) for parameter in clip}
        rest = [p for p in self.network.parameters() if p.requires_grad and id(p) not in own]
        groups = [
            {"params": rest, "weight_decay": settings.weight_decay},
            {"params": clip, "weight_decay": settings.clip_weight_decay},
            {"params": list(self.curves.parameters()), "weight_decay": 0.0, "pace": _CURVE_PACE},
        ]
        # Fused, one call for all weights of a group instead of a dozen for each.
        return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.lr, fused=True)

    @torch.inference_mode()
    def start_curves(self) -> None:
        """Scale the curves to the distances of the untrained network."""
        pairs: dict[str, list[Tensor]] = {mode: [] for mode in MODES}
        for step in range(_START_BATCHES):
            cut = self.sampler.draw(step)
            labels = self._labels(cut)
            points = self.network.embed(self.sampler.read(cut).to(self.world.device))
            pairs["full"].append(_degraded(objective.to_own_clean(points, labels, self.network.pooling), labels))
            if self.descriptions is not None:
                points, labels = self._whole_clips(step)
                pairs["unmatched"].append(_degraded(objective.to_centre(points, labels), labels))
        for mode, found in pairs.items():
            if found:
                self.curve(mode).start_at(*torch.cat(found, dim=1))

    def curve(self, mode: str) -> Curve:
        """Return a mode's curve from distance to MOS, as learned so far."""
        curve = self.curves[mode]
        assert isinstance(curve, Curve)
        return curve

    def step(
        self, number: int, cut: Cut, fronts: Tensor, scores: Sequence[float], asked: bool = False
    ) -> dict[str, float]:
        """Take step `number`, from 0, on a batch of which this process holds `fronts`.

        scores: of the epochs so far. asked: this process is to stop. Returns lr, loss, its terms, the gradient's norm
        and `asked`, the number of processes that are to stop; training cannot go on after a loss or gradient that is
        not finite.
        """
        recipe, device = self.recipe, self.world.device
        self._seed(number)
        self.network.train()
        labels = self._labels(cut)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16):
            points = gathered(self.embed(fronts.to(device, non_blocking=True)))
        how = recipe.full, recipe.contrast, self.network.pooling
        terms = {"full": objective.full(points, labels, self.curve("full"), *how)}
        if self.descriptions is not None:
            points, labels = self._whole_clips(number)
            curve = self.curve("unmatched")
            terms["unmatched"] = objective.unmatched(points, labels, curve, recipe.unmatched, recipe.contrast)
        loss = torch.stack([found.total for found in terms.values()]).sum()
        self.optimiser.zero_grad()
        loss.backward()
        trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        average_gradients(trained)
        norm = torch.nn.utils.clip_grad_norm_(trained, recipe.optimiser.gradient_clip, foreach=True)
        rate = learning_rate(recipe.optimiser, number, self.steps, scores)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("pace", 1.0)
        self.optimiser.step()
        parts = {f"{mode}_{name}": value for mode, found in terms.items() for name, value in found.parts.items()}
        stops = added(torch.full((), float(asked), device=device))
        figures = {"loss": loss.detach(), **parts, "gradient": norm, "asked": stops}
        # One transfer, so that a GPU is waited for once.
        values = torch.stack([value.to(torch.float64) for value in figures.values()]).tolist()
        return {"lr": rate, **dict(zip(figures, values, strict=True))}

    def _labels(self, cut: Cut) -> Labels:
        settings = self.recipe.data
        middles = cut.starts / self.network.front_rate + settings.segment_s / 2
        return self.labeller(cut.rows, cut.clips, middles if settings.segment_labels else None).to(self.world.device)

    def _whole_clips(self, step: int) -> tuple[Tensor, Labels]:
        """Return the points, (batch, dims), and labels of a batch of whole clips; every process has them all."""
        assert self.descriptions is not None
        rows = self.sampler.whole_clips(step)
        points = self.network.embed_clip(self.descriptions[sent(torch.from_numpy(rows), self.world.device)])
        return points, self.labeller(rows).to(self.world.device)

    def _seed(self, step: int) -> None:
        """Seed dropout by the step alone, so that a resumed run repeats it."""
        numbers = (self.recipe.seed, step, self.world.rank)
        torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


def bfloat16(recipe: Recipe, device: torch.device) -> bool:
    """Tell whether the network is autocast to bfloat16 in training; `auto` does so for transformers on CUDA."""
    precision = recipe.run.precision
    return precision == "bfloat16" or (
        precision == "auto" and device.type == "cuda" and recipe.backbone_name != "compact"
    )


def _degraded(distances: Tensor, labels: Labels) -> Tensor:
    """Return distances and labels of degraded samples, (2, n)."""
    return torch.stack([distances, labels.mos])[:, ~labels.clean]
