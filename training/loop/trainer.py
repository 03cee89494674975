"""The training loop: steps, evaluations, saved states."""

from __future__ import annotations

import math
import time
from contextlib import closing
from pathlib import Path

from torch import Tensor

from deepaq.backbones.backbone import Backbone
from deepaq.console import note
from deepaq.errors import UserError
from deepaq.scoring.checkpoint import write_json
from training.data.store import Store
from training.loop import evaluate, figures, state
from training.loop.gather import World, wait
from training.loop.interrupt import watched
from training.loop.learner import MODES, Learner
from training.loop.log import Log
from training.loop.plan import Schedule
from training.loop.sampler import Cut, sampler
from training.loop.schedule import stagnant
from training.loop.state import State
from training.loop.trace import traced
from training.settings import Recipe

BEST = "best"
BAD_BATCH = "bad-batch.json"


class Trainer:
    """The training of a network.

    store: the training rows. held_out: the rows that are evaluated every epoch. world: the processes that share the
    work. fingerprint: identifies rows and labels, so that no saved state of others is resumed.
    """

    def __init__(
        self, recipe: Recipe, network: Backbone, store: Store, held_out: Store, world: World, fingerprint: str = ""
    ) -> None:
        self.recipe, self.network, self.held_out, self.world = recipe, network, held_out, world
        self.store, self.fingerprint = store, fingerprint or store.table.fingerprint()
        self.sampler = sampler(store, recipe.data, round(recipe.data.segment_s * network.front_rate), recipe.seed)
        self.share = world.share(self.sampler.size.rows)
        self.schedule = Schedule.of(recipe, self.sampler.size)
        self.learner = Learner(recipe, network, store, self.sampler, self.schedule.steps, world)
        self.step = 0
        self.scores: list[float] = []

    def run(self, out: Path, quiet: bool) -> None:
        """Train to the end, or to a lack of progress; KeyboardInterrupt, with the state saved, when asked to stop."""
        steps, epoch_steps, patience = self.schedule.steps, self.schedule.epoch_steps, self.recipe.run.stop_after
        # Only the first process writes and prints; the others' log is discarded.
        log = Log(out if self.world.first else None, self.step, steps, quiet)
        batches = self.sampler.stream(self.step, self.share, pin=self.world.device.type == "cuda")
        with closing(log), closing(batches), traced(self.recipe.run.trace, out) as tracer, watched() as interrupt:
            while self.step < steps and not 0 < patience <= stagnant(self.scores):
                begun = time.perf_counter()
                cut, fronts = next(batches)
                waited = time.perf_counter() - begun
                row = self._one_step(cut, fronts, out, interrupt.asked)
                stops = row.pop("asked")
                log.step(row | {"wait_s": waited})
                if tracer is not None:
                    tracer.step()
                if self.step % epoch_steps == 0 or self.step == steps:
                    log.epoch(self._end_epoch(out))
                every = self.recipe.run.save_steps or epoch_steps
                # Several processes stop after the same step, which one of them was asked before.
                asked = stops > 0 if self.world.size > 1 else interrupt.asked
                if asked or self.step % every == 0 or self.step == steps:
                    log.flush()
                    self.save(out)
                if asked:
                    raise KeyboardInterrupt

    def _one_step(self, cut: Cut, fronts: Tensor, out: Path, asked: bool) -> dict[str, float]:
        begun = time.perf_counter()
        row = self.learner.step(self.step, cut, fronts, self.scores, asked)
        if not (math.isfinite(row["loss"]) and math.isfinite(row["gradient"])):
            self._not_finite(cut, out)
        self.step += 1
        audio_s = len(cut.rows) * self.recipe.data.segment_s
        return {"step": self.step, **row, "audio_s_per_s": audio_s / (time.perf_counter() - begun)}

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
            " lower optimiser.lr and train again with --overwrite"
        )

    def _end_epoch(self, out: Path) -> dict[str, float | None]:
        found = figures.correlations(self.held_out.table, evaluate.distances(self.network, self.held_out, self.world))
        srcc = {mode: found[mode]["all"]["srcc"] for mode in MODES}
        criterion = self.recipe.evaluation.criterion
        score = sum(srcc[mode] or 0.0 for mode in (MODES if criterion == "both" else (criterion,)))
        self.scores.append(float(score))
        if stagnant(self.scores) == 0 and self.recipe.run.keep == BEST:
            self._write(out / BEST)
        columns = {f"{mode}_{name}": found[mode]["all"][name] for mode in srcc for name in ("srcc", "pcc")}
        return {"step": self.step, "score": score, **columns}

    def save(self, out: Path) -> None:
        """Save the state, to resume from here."""
        self._write(state.place(out, self.step))
        if self.world.first:
            state.thin_out(out)

    def _write(self, folder: Path) -> None:
        if self.world.first:
            state.save(folder, self._state())
        wait()

    def _state(self) -> State:
        progress = {"step": self.step, "scores": self.scores, "rows": self.fingerprint}
        return State(self.network, self.learner.curves, self.learner.optimiser, progress)

    def resume(self, out: Path) -> None:
        """Continue from the newest state under `out`; UserError when there is none or the data set is another."""
        self._restore(state.newest(out))

    def take_best(self, out: Path) -> None:
        """Take the network of the best epoch, if the recipe asks for it."""
        if self.recipe.run.keep != BEST:
            return
        step, scores = self.step, self.scores
        if (out / BEST).is_dir():
            self._restore(out / BEST)
        if not scores or self.scores[-1] == max(scores):
            self.step, self.scores = step, scores
            return
        if self.step != step:
            self._restore(state.place(out, step))
        note(f"{out}: the best epoch came before run.keep={BEST} was set and is gone; the last is kept")

    def _restore(self, folder: Path) -> None:
        found = self._state()
        state.restore(folder, found)
        if found.progress["rows"] != self.fingerprint:
            raise UserError(f"{folder}: was trained on other rows or labels; use its data set and settings")
        self.step, self.scores = int(found.progress["step"]), list(found.progress["scores"])
