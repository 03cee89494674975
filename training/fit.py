"""`training fit`: from a labelled data set to a run folder with a trained metric."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from deepaq import backbone as backbones
from deepaq import checkpoint
from deepaq.backbone import Backbone
from deepaq.console import note
from deepaq.errors import UserError
from deepaq.mapping import fit_exponential
from manifests.dataset import Dataset
from training import evaluate, objective, report, store, table
from training.batch import Labeller, Rows, Segments
from training.curve import Curve
from training.recipe import Recipe

BASELINES = {"log-mel": {"kind": "mel"}, "log-erb": {"kind": "erb"}}  # settings of the plain backbone
_CURVE_LR = 5  # times the network's: two numbers per curve may move faster
_START_BATCHES = 4  # that the curves' starting points are fitted to
_CENTRE_CLIPS = 64  # clean clips whose mean a batch of whole clips is held against


def fit(data: Path, out: Path, recipe: Recipe, overwrite: bool = False, quiet: bool = False) -> dict[str, Any]:
    """Train on the data set folder `data`, write the run folder `out` and return what was reached.

    Keys: run, steps, parameters {backbone, lora, head, trainable, total}, validation {trained, untrained, log-mel,
    log-erb: correlations as in `training.evaluate`}, seconds.
    """
    begun = time.perf_counter()
    if out.exists() and any(out.iterdir()) and not overwrite:
        raise UserError(f"{out}: is not empty; choose another folder, or say --overwrite")
    dataset = Dataset(data)
    rows = table.load(dataset, recipe.data.raters)
    torch.manual_seed(recipe.seed)
    options = dict(recipe.backbone)
    network = backbones.build(str(options.pop("name", "compact")), **options)
    _say_size(network)
    trainer = Trainer(recipe, network, dataset, rows, quiet)
    baselines = _baselines(dataset, trainer.held_out.table, quiet)
    baselines["untrained"] = trainer.judge()
    out.mkdir(parents=True, exist_ok=True)
    checkpoint.write_json(out / "settings.json", recipe.to_json())
    trainer.run(out)
    found = evaluate.distances(network, trainer.held_out)
    validation = {"trained": evaluate.correlations(trainer.held_out.table, found), **baselines}
    result = {
        "run": str(out),
        "steps": trainer.step,
        "parameters": network.parameter_counts(),
        "validation": validation,
        "seconds": time.perf_counter() - begun,
    }
    checkpoint.write_json(out / "metrics.json", result)
    report.write(out, trainer.held_out.table, found, trainer.mappings())
    trainer.save(out)
    return result


def _baselines(dataset: Dataset, rows: table.Table, quiet: bool) -> dict[str, Any]:
    results = {}
    for name, settings in BASELINES.items():
        plain = backbones.build("plain", **settings)
        filled = store.fill(dataset, plain, rows, quiet)
        results[name] = evaluate.correlations(rows, evaluate.distances(plain, filled))
    return results


def _say_size(network: Backbone) -> None:
    counts = network.parameter_counts()
    parts = f"{counts['backbone']:,} backbone, {counts['lora']:,} LoRA, {counts['head']:,} head parameters"
    note(f"{network.name}: {parts}, {100 * counts['trainable'] / max(1, counts['total']):.4f} % trainable")


@dataclass
class Trainer:
    """A network in training, with its data, optimiser and log."""

    recipe: Recipe
    network: Backbone
    dataset: Dataset
    rows: table.Table
    quiet: bool = False
    step: int = 0
    log: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        recipe, network = self.recipe, self.network
        self.rng = np.random.default_rng(recipe.seed)
        held_out = evaluate.subset(self.rows, recipe.evaluation.clips, recipe.evaluation.references)
        wanted = np.isin(self.rows.row_id, held_out.row_id) | ~self.rows.valid
        filled = store.fill(self.dataset, network, self.rows.take(wanted), self.quiet)
        self.held_out = filled.part(np.isin(filled.table.row_id, held_out.row_id))
        self.training = filled.part(~filled.table.valid)
        self.labeller = Labeller(self.training.table, recipe.contrast.literal_bitrate)
        items = round(recipe.data.segment_s * network.front_rate)
        self.segments = Segments(self.training, recipe.data, items, self.rng)
        self.top = float(self.rows.mos[self.rows.clean][0])
        self.curves = {"full": Curve(self.top), "unmatched": Curve(self.top)}
        self.descriptions = self._describe() if network.clip_head else None
        self.optimiser = self._optimiser()
        self.schedule = self._schedule()

    def _describe(self) -> Tensor:
        with torch.inference_mode():
            rows = range(len(self.training.table))
            found = torch.cat([self.network.describe(self.training.whole(row)[None]) for row in rows])
        found = found.clone()
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
            {
                "params": [p for curve in self.curves.values() for p in curve.parameters()],
                "weight_decay": 0.0,
                "lr": _CURVE_LR * settings.lr,
            },
        ]
        return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.lr)

    def _schedule(self) -> torch.optim.lr_scheduler.LRScheduler:
        settings = self.recipe.optimiser
        if settings.schedule == "cosine":
            return torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, max(1, self.recipe.max_steps))
        if settings.schedule == "plateau":
            return torch.optim.lr_scheduler.ReduceLROnPlateau(
                self.optimiser, mode="max", factor=settings.decay, patience=settings.patience
            )
        return torch.optim.lr_scheduler.ConstantLR(self.optimiser, factor=1.0)

    @torch.inference_mode()
    def _start_curves(self, batches: Iterator[tuple[Tensor, Rows]], clips: Iterator[Rows | None]) -> None:
        """Scale the curves to the distances of the untrained network."""
        pairs: dict[str, list[Tensor]] = {"full": [], "unmatched": []}
        for _ in range(_START_BATCHES):
            fronts, rows = next(batches)
            labels = self.labeller(rows)
            apart = objective.to_own_clean(self.network.embed(fronts), labels)
            pairs["full"].append(torch.stack([apart, labels.mos])[:, ~labels.clean])
            if self.descriptions is not None and (chosen := next(clips)) is not None:
                labels = self.labeller(chosen)
                apart = objective.to_centre(self.network.embed_clip(self.descriptions[chosen]), labels)
                pairs["unmatched"].append(torch.stack([apart, labels.mos])[:, ~labels.clean])
        for mode, found in pairs.items():
            if found:
                self.curves[mode].start_at(*torch.cat(found, dim=1))

    def run(self, out: Path) -> None:
        """Train for `max_steps`, judging after every epoch; the log grows in `log.csv`."""
        epoch_steps = self.recipe.epoch_steps or self.segments.epoch()
        batches = iter(self.segments)
        clips = self._clip_batches()
        if self.recipe.full.regression or self.recipe.unmatched.regression:
            self._start_curves(batches, clips)
        with tqdm(total=self.recipe.max_steps, desc="train", unit="step", file=sys.stderr, disable=self.quiet) as bar:
            while self.step < self.recipe.max_steps:
                parts = self._one_step(*next(batches), next(clips))
                bar.update(1)
                bar.set_postfix({name: f"{value:.3f}" for name, value in parts.items()}, refresh=False)
                if self.step % epoch_steps == 0 or self.step == self.recipe.max_steps:
                    self._end_epoch(out, parts)

    def _one_step(self, fronts: Tensor, rows: Rows, clip_rows: Rows | None) -> dict[str, float]:
        self.network.train()
        recipe = self.recipe
        labels = self.labeller(rows)
        points = self.network.embed(fronts)
        terms = [
            objective.contrast(points, labels, recipe.full, recipe.contrast),
            objective.regression(
                objective.to_own_clean(points, labels), labels, self.curves["full"], recipe.full.regression
            ),
        ]
        parts = {f"full_{name}": value for term in terms for name, value in term.parts.items()}
        if clip_rows is not None:
            assert self.descriptions is not None
            labels = self.labeller(clip_rows)
            points = self.network.embed_clip(self.descriptions[clip_rows])
            more = [
                objective.contrast(points[:, None], labels, recipe.unmatched, recipe.contrast),
                objective.regression(
                    objective.to_centre(points, labels), labels, self.curves["unmatched"], recipe.unmatched.regression
                ),
            ]
            parts |= {f"unmatched_{name}": value for term in more for name, value in term.parts.items()}
            terms += more
        loss = torch.stack([term.total for term in terms]).sum()
        if not torch.isfinite(loss):
            raise UserError(f"the loss is not finite at step {self.step}; lower optimiser.lr")
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.optimiser.gradient_clip)
        self.optimiser.step()
        if not isinstance(self.schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.schedule.step()
        self.step += 1
        return {"loss": float(loss.detach()), **parts}

    def _clip_batches(self) -> Iterator[Rows | None]:
        """Without end: rows of whole coded clips and of clean ones; None when the network has no head for them."""
        rows = self.training.table
        degraded = np.flatnonzero(rows.coded if self.recipe.data.rows_codecs_only else ~rows.clean)
        clean = np.flatnonzero(rows.clean)
        while True:
            if self.descriptions is None:
                yield None
                continue
            drawn = self.rng.choice(degraded, min(self.recipe.data.rows, len(degraded)), replace=False)
            centre = self.rng.choice(clean, min(_CENTRE_CLIPS, len(clean)), replace=False)
            yield np.concatenate([drawn, centre])

    def judge(self) -> dict[str, Any]:
        """Correlations on the held-out clips as the network stands."""
        return evaluate.correlations(self.held_out.table, evaluate.distances(self.network, self.held_out))

    def _end_epoch(self, out: Path, parts: dict[str, float]) -> None:
        found = self.judge()
        srcc = {f"{mode}_srcc": found[mode]["all"]["srcc"] or 0.0 for mode in ("full", "unmatched")}
        if isinstance(self.schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.schedule.step(sum(srcc.values()))
        self.log.append({"step": self.step, "lr": self.optimiser.param_groups[0]["lr"], **parts, **srcc})
        with (out / "log.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.log[-1]))
            writer.writeheader()
            writer.writerows(self.log)

    def mappings(self) -> dict[str, Any]:
        """Distance -> MOS per mode: learned where there was regression, else fitted to the held-out clips."""
        weights = {"full": self.recipe.full, "unmatched": self.recipe.unmatched}
        learned = {"full": weights["full"].regression > 0}
        learned["unmatched"] = weights["unmatched"].regression > 0 and self.descriptions is not None
        found = evaluate.distances(self.network, self.held_out)
        rows = self.held_out.table
        judged = rows.valid & ~rows.clean
        return {
            mode: self.curves[mode].mapping()
            if learned[mode]
            else fit_exponential(getattr(found, mode)[judged], rows.mos[judged], self.top)
            for mode in weights
        }

    def save(self, out: Path) -> None:
        """Write the metric as it stands."""
        mappings = self.mappings()
        info = {"recipe": self.recipe.to_json(), "steps": self.step}
        checkpoint.save(out, checkpoint.Checkpoint(self.network, mappings["full"], mappings["unmatched"], info))
