"""The training loop: steps, evaluations, saved states."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepaq.backbones.backbone import Backbone
from deepaq.console import note
from deepaq.errors import UserError
from deepaq.scoring.checkpoint import write_json
from training.data.store import Store
from training.loop import evaluate, state
from training.loop.gather import World, added, average_gradients, equalise, gathered, wait
from training.loop.interrupt import Interrupt, watched
from training.loop.log import Log
from training.loop.sampler import Cut, Sampler
from training.loop.schedule import learning_rate, stagnant
from training.loop.state import State
from training.objective import terms as objective
from training.objective.batch import Labeller, Labels
from training.objective.curve import Curve
from training.settings import Recipe

_CURVE_PACE = 5.0  # times the network's learning rate: two numbers per curve may move faster
_START_BATCHES = 4  # that the curves' starting points are fitted to
BEST = "best"
BAD_BATCH = "bad-batch.json"


class Trainer:
    """A network in training. store: the training rows. held_out: those that are evaluated. world: the processes that
    share the work. fingerprint: of what is trained on, by which a saved state is known to belong to it.
    """

    def __init__(
        self, recipe: Recipe, network: Backbone, store: Store, held_out: Store, world: World, fingerprint: str = ""
    ) -> None:
        self.recipe, self.network, self.held_out, self.world = recipe, network, held_out, world
        self.store, self.fingerprint = store, fingerprint or store.table.fingerprint()
        self.labeller = Labeller(store.table, recipe.contrast.literal_bitrate)
        self.sampler = Sampler(store, recipe.data, round(recipe.data.segment_s * network.front_rate), recipe.seed)
        self.share = world.share(recipe.data.clips)
        self.top = float(store.table.mos[store.table.clean][0])
        self.descriptions = self._describe() if network.clip_head else None
        self.curves = nn.ModuleDict({mode: Curve(self.top) for mode in ("full", "unmatched")}).to(world.device)
        equalise([*network.parameters(), *network.buffers(), *self.curves.parameters()])
        self.optimiser = self._optimiser()
        self.embed = torch.compile(network.embed) if recipe.run.compile else network.embed
        self.epoch_steps = recipe.epoch_steps or self.sampler.epoch()
        self.step = 0
        self.scores: list[float] = []

    def _describe(self) -> Tensor:
        """What the head for non-matching references sees of every training row; computed once."""
        with torch.inference_mode():
            rows = (self.store.whole(row)[None] for row in range(len(self.store.table)))
            found = torch.cat([self.network.describe(front.to(self.world.device)) for front in rows])
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
            {"params": list(self.curves.parameters()), "weight_decay": 0.0, "pace": _CURVE_PACE},
        ]
        return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.lr)

    @torch.inference_mode()
    def start_curves(self) -> None:
        """Scale the curves to the distances of the untrained network."""
        pairs: dict[str, list[Tensor]] = {mode: [] for mode in self.curves}
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

    def _labels(self, cut: Cut) -> Labels:
        settings = self.recipe.data
        middles = cut.starts / self.network.front_rate + settings.segment_s / 2
        return self.labeller(cut.rows, cut.clips, middles if settings.segment_labels else None).to(self.world.device)

    def _whole_clips(self, step: int) -> tuple[Tensor, Labels]:
        """The points, (batch, dims), of a batch of whole clips; every process has them all."""
        assert self.descriptions is not None
        rows = self.sampler.whole_clips(step)
        points = self.network.embed_clip(self.descriptions[torch.from_numpy(rows).to(self.world.device)])
        return points, self.labeller(rows).to(self.world.device)

    def run(self, out: Path, quiet: bool) -> None:
        """Train to the end, or to a lack of progress; KeyboardInterrupt, with the state saved, when asked to stop."""
        # Only the first process writes and talks; the others' log goes nowhere.
        log = Log(out if self.world.first else None, self.step, self.recipe.max_steps, quiet)
        batches = self.sampler.stream(self.step, self.share)
        with closing(log), closing(batches), watched() as interrupt:
            while self.step < self.recipe.max_steps and not self._given_up():
                cut, fronts = next(batches)
                log.step(self._one_step(cut, fronts, out))
                if self.step % self.epoch_steps == 0 or self.step == self.recipe.max_steps:
                    log.epoch(self._end_epoch(out))
                every = self.recipe.run.save_steps or self.epoch_steps
                asked = self._asked(interrupt)
                if asked or self.step % every == 0 or self.step == self.recipe.max_steps:
                    log.flush()
                    self.save(out)
                if asked:
                    raise KeyboardInterrupt

    def _given_up(self) -> bool:
        patience = self.recipe.run.stop_after
        return bool(patience) and stagnant(self.scores) >= patience

    def _asked(self, interrupt: Interrupt) -> bool:
        if self.world.size == 1:
            return interrupt.asked
        return bool(added(torch.tensor(float(interrupt.asked), device=self.world.device)) > 0)

    def _one_step(self, cut: Cut, fronts: Tensor, out: Path) -> dict[str, float]:
        begun = time.perf_counter()
        recipe, device = self.recipe, self.world.device
        self._seed()
        self.network.train()
        labels = self._labels(cut)
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.run.precision == "bfloat16"):
            points = gathered(self.embed(fronts.to(device, non_blocking=True)))
        how = recipe.full, recipe.contrast, self.network.pooling
        terms = {"full": objective.full(points, labels, self.curve("full"), *how)}
        if self.descriptions is not None:
            points, labels = self._whole_clips(self.step)
            curve = self.curve("unmatched")
            terms["unmatched"] = objective.unmatched(points, labels, curve, recipe.unmatched, recipe.contrast)
        loss = torch.stack([found.total for found in terms.values()]).sum()
        self.optimiser.zero_grad()
        loss.backward()
        trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        average_gradients(trained)
        norm = torch.nn.utils.clip_grad_norm_(trained, recipe.optimiser.gradient_clip)
        if not (torch.isfinite(loss) and torch.isfinite(norm)):
            self._not_finite(cut, out)
        rate = learning_rate(recipe.optimiser, self.step, recipe.max_steps, self.scores)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("pace", 1.0)
        self.optimiser.step()
        self.step += 1
        parts = {f"{mode}_{name}": float(value) for mode, found in terms.items() for name, value in found.parts.items()}
        audio_s = len(cut.rows) * recipe.data.segment_s
        row = {"step": self.step, "lr": rate, "loss": float(loss.detach()), **parts, "gradient": float(norm)}
        return {**row, "audio_s_per_s": audio_s / (time.perf_counter() - begun)}

    def curve(self, mode: str) -> Curve:
        """Distance -> MOS of a mode, as learned so far."""
        curve = self.curves[mode]
        assert isinstance(curve, Curve)
        return curve

    def _seed(self) -> None:
        """Dropout depends on the step alone, so that a resumed run repeats it."""
        numbers = (self.recipe.seed, self.step, self.world.rank)
        torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))

    def _not_finite(self, cut: Cut, out: Path) -> None:
        table = self.store.table
        rows = [
            {"id": str(table.row_id[row]), "path": str(table.path[row]), "start_s": start / self.network.front_rate}
            for row, start in zip(cut.rows.tolist(), cut.starts.tolist(), strict=True)
        ]
        if self.world.first:
            write_json(out / BAD_BATCH, {"step": self.step, "rows": rows})
        raise UserError(
            f"the loss or its gradient is not finite at step {self.step}; its batch is listed in {out / BAD_BATCH};"
            " lower optimiser.lr and train anew with --overwrite"
        )

    def judge(self) -> evaluate.Distances:
        """Distances of the held-out clips as the network stands."""
        return evaluate.distances(self.network, self.held_out, self.world)

    def _end_epoch(self, out: Path) -> dict[str, float | None]:
        found = evaluate.correlations(self.held_out.table, self.judge())
        srcc = {mode: found[mode]["all"]["srcc"] for mode in ("full", "unmatched")}
        criterion = self.recipe.evaluation.criterion
        score = sum(srcc[mode] or 0.0 for mode in (srcc if criterion == "both" else (criterion,)))
        self.scores.append(float(score))
        if stagnant(self.scores) == 0 and self.recipe.run.keep == BEST:
            self._write(out / BEST)
        columns = {f"{mode}_{name}": found[mode]["all"][name] for mode in srcc for name in ("srcc", "pcc")}
        return {"step": self.step, "score": score, **columns}

    def save(self, out: Path) -> None:
        """Save the state, to go on from here."""
        self._write(state.place(out, self.step))
        if self.world.first:
            state.thin_out(out)

    def _write(self, folder: Path) -> None:
        if self.world.first:
            state.save(folder, self._state())
        wait()

    def _state(self) -> State:
        progress = {"step": self.step, "scores": self.scores, "rows": self.fingerprint}
        return State(self.network, self.curves, self.optimiser, progress)

    def resume(self, out: Path) -> None:
        """Go on from the newest state under `out`; UserError when there is none or the data set is another."""
        self._take(state.newest(out))

    def take_best(self, out: Path) -> None:
        """The network of the best epoch, where that was asked for."""
        if self.recipe.run.keep != BEST:
            return
        step, scores = self.step, self.scores
        if (out / BEST).is_dir():
            self._take(out / BEST)
        if not scores or self.scores[-1] == max(scores):
            self.step, self.scores = step, scores
            return
        if self.step != step:
            self._take(state.place(out, step))
        note(f"{out}: the best epoch came before run.keep={BEST} was set and is gone; the last is kept")

    def _take(self, folder: Path) -> None:
        found = self._state()
        state.restore(folder, found)
        if found.progress["rows"] != self.fingerprint:
            raise UserError(f"{folder}: was trained on other rows or labels; use the data set and settings of then")
        self.step, self.scores = int(found.progress["step"]), list(found.progress["scores"])

    def describe_data(self) -> dict[str, Any]:
        """What it was trained on: clips, rows, hours of clean audio, and a fingerprint of rows and labels."""
        table = self.store.table
        hours = float(table.seconds[table.clean].sum()) / 3600
        counts = {"clips": int(table.clean.sum()), "rows": len(table), "clean_hours": hours}
        return {**counts, "fingerprint": self.fingerprint}


def _degraded(distances: Tensor, labels: Labels) -> Tensor:
    """(2, n): distances and labels of what is not clean."""
    return torch.stack([distances, labels.mos])[:, ~labels.clean]
