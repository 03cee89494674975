"""The plan of a run: how long it is, when it is evaluated, and what it needs, before anything starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from deepaq.backbones.backbone import Backbone
from training.data.cache import Form
from training.data.store import IN_MEMORY, described_bytes, front_bytes
from training.data.table import Table
from training.loop import sampler
from training.loop.evaluate import HeldOut
from training.loop.pace import Pace
from training.loop.sampler import Size
from training.settings import Recipe

_ROW_BYTES = 2048  # a table's row in memory, with labels over time
_PROCESS_BYTES = 550_000_000  # Python with its libraries, and batches read ahead


@dataclass(frozen=True)
class Schedule:
    """steps: of the run. epoch_steps: between two evaluations. pass_steps: of one pass through the training clips.
    first_drop: the step after which a plateau can first lower the learning rate; None if it never can."""

    steps: int
    epoch_steps: int
    pass_steps: int
    first_drop: int | None

    @classmethod
    def of(cls, recipe: Recipe, size: Size) -> Schedule:
        """Return the schedule of a recipe with batches of that size."""
        steps = recipe.max_steps
        if recipe.amount:
            number, unit = recipe.amount
            each = {"steps": 1.0, "epochs": size.steps, "hours": 3600 / (size.rows * recipe.data.segment_s)}[unit]
            steps = max(1, round(number * each))
        epoch_steps = max(1, steps // recipe.evaluations) if recipe.evaluations else recipe.epoch_steps or size.steps
        drop = (recipe.optimiser.patience + 2) * epoch_steps
        acts = recipe.optimiser.schedule == "plateau" and drop < steps
        return cls(steps, epoch_steps, size.steps, drop if acts else None)


@dataclass(frozen=True)
class Plan:
    """Length and needs of a run.

    hours: of audio in training. seconds: predicted wall time of training and evaluations, without decoding.
    batch_rows: segments per step. training, choose, report: tracks, clips and files that are trained on, choose the
    epoch, and are reported. cache_bytes: decoded audio per form. cache_missing_bytes: of it, still to be made.
    front_bytes: output of the network's fixed first stage. memory_bytes: predicted memory of a process.
    """

    schedule: Schedule
    hours: float
    seconds: float
    batch_rows: int
    processes: int
    training: Mapping[str, int]
    choose: Mapping[str, int]
    report: Mapping[str, int]
    cache_bytes: Mapping[str, int]
    cache_missing_bytes: int
    front_bytes: int
    memory_bytes: int

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Plan:
        """Make a plan from what `to_json` gave."""
        return cls(**{**content, "schedule": Schedule(**content["schedule"])})

    def to_json(self) -> dict[str, Any]:
        """Return the plan as a dictionary for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the plan as text."""
        plan = self.schedule
        passes, evaluations = plan.steps / plan.pass_steps, math.ceil(plan.steps / plan.epoch_steps)
        drop = f"first lowered after step {plan.first_drop:,} at the earliest" if plan.first_drop else "no plateau"
        cache = ", ".join(f"{size / 1e9:.2f} GB ({form})" for form, size in self.cache_bytes.items())
        return [
            f"train on {_counts(self.training)}; choose the epoch by {_counts(self.choose)}; report"
            f" {_counts(self.report)}",
            f"{plan.steps:,} steps of {self.batch_rows} segments on {self.processes}"
            f" {'process' if self.processes == 1 else 'processes'}: {passes:,.2f} passes through the training clips,"
            f" {self.hours:,.2f} h of audio, about {timedelta(seconds=round(self.seconds))}",
            f"{evaluations:,} evaluations, one every {plan.epoch_steps:,} steps; learning rate: {drop}",
            f"decoded audio {cache}, {self.cache_missing_bytes / 1e9:.2f} GB of it to be made; fronts"
            f" {self.front_bytes / 1e9:.2f} GB; memory {self.memory_bytes / 1e9:.2f} GB per process",
        ]


def plan(
    recipe: Recipe,
    rows: Table,
    held: HeldOut,
    network: Backbone,
    processes: int,
    pace: Pace,
    cache_bytes: Mapping[Form, tuple[int, int]],
) -> Plan:
    """Return the plan of a run. rows: of training and evaluation. cache_bytes: per form, size of all files and of those
    that are still to be decoded."""
    training = rows.take(~rows.valid)
    rate, shortest = network.front_rate, round(recipe.data.segment_s * network.front_rate)
    batches = sampler.size(
        training, sampler.usable(training, np.rint(training.seconds * rate) >= shortest), recipe.data
    )
    schedule = Schedule.of(recipe, batches)
    audio_s = schedule.steps * batches.rows * recipe.data.segment_s
    judged_s = float(rows.seconds[held.choose].sum()) * math.ceil(schedule.steps / schedule.epoch_steps)
    fronts = front_bytes(network, float(rows.seconds.sum()))
    parameters = network.parameter_counts()
    return Plan(
        schedule=schedule,
        hours=audio_s / 3600,
        seconds=(audio_s * pace.step + judged_s * pace.judge) / processes,
        batch_rows=batches.rows,
        processes=processes,
        training=counts(training),
        choose=counts(rows.take(held.choose & rows.valid)),
        report=counts(rows.take(held.report & rows.valid)),
        cache_bytes={form.folder: total for form, (total, _) in cache_bytes.items()},
        cache_missing_bytes=sum(missing for _, missing in cache_bytes.values()),
        front_bytes=fronts,
        memory_bytes=_PROCESS_BYTES
        + _ROW_BYTES * len(rows)
        + (fronts if fronts <= IN_MEMORY else 0)  # else in a file
        + described_bytes(network, len(training))
        + round(batches.rows / processes * recipe.data.segment_s * pace.memory)
        # Weights, and for the trained ones a gradient and two moments of AdamW.
        + 4 * (parameters["total"] + 3 * parameters["trainable"]),
    )


def counts(table: Table) -> dict[str, int]:
    """Return the numbers of tracks, clips and files of a table."""
    return {"tracks": len(np.unique(table.track)), "clips": len(np.unique(table.clip)), "files": len(table)}


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name if count != 1 else name[:-1]}" for name, count in found.items())
