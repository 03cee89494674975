"""Length of a run, evaluations and the first possible drop of the learning rate, at any size of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from deepaq.backbones.backbone import build
from deepaq.errors import UserError
from tests.training.objective.test_objective import table
from training import recipe
from training.data.cache import Form
from training.loop import evaluate, plan, sampler
from training.loop.pace import Pace, pace
from training.loop.plan import Plan, Schedule
from training.loop.sampler import Size
from training.loop.schedule import learning_rate
from training.settings import Data, Evaluation, Recipe


def schedule(steps_of_a_pass: int, *overrides: str, name: str = "deepaq") -> Schedule:
    return Schedule.of(recipe.load(name, overrides), Size(32, steps_of_a_pass, 7))


@pytest.mark.parametrize("pass_steps", [5, 4_050, 40_000])
def test_the_papers_plateau_can_act_whatever_the_size_of_the_data(pass_steps: int) -> None:
    found = schedule(pass_steps)
    assert (found.steps, found.epoch_steps, found.first_drop) == (20_000, 200, 2_400)


def test_a_run_that_ends_before_its_plateau_says_so() -> None:
    assert schedule(4_050, "evaluations=0").first_drop is None
    assert schedule(4_050, "evaluations=12", "max_steps=1200").first_drop is None  # the twelfth epoch is the last
    assert schedule(4_050, "evaluations=13").first_drop is not None


def test_the_first_drop_is_where_the_learning_rate_first_falls() -> None:
    found, settings = schedule(4_050), recipe.load("deepaq").optimiser
    assert found.first_drop is not None
    epochs = found.first_drop // found.epoch_steps
    rates = [learning_rate(settings, 0, 1, [1.0] + [0.5] * (count - 1)) for count in (epochs - 1, epochs)]
    assert rates == [1e-4, pytest.approx(0.99e-4)]


@pytest.mark.parametrize(
    ("length", "steps"),
    [("700 steps", 700), ("5 epochs", 20_250), ("0.5 epochs", 2_025), ("32 hours", 900), ("1.6hours", 45)],
)
def test_a_run_may_be_as_long_as_steps_epochs_or_hours_say(length: str, steps: int) -> None:
    assert schedule(4_050, f"length={length}").steps == steps  # a batch is 128 s


@pytest.mark.parametrize("length", ["5", "epochs", "5 weeks", "0 hours", "-1 steps"])
def test_a_length_without_number_or_unit_is_refused(length: str) -> None:
    with pytest.raises(UserError, match=r"length=.*: such as 5 epochs or 500 hours"):
        recipe.load("deepaq", [f'length="{length}"'])


def test_without_either_an_epoch_is_a_pass_through_the_clips() -> None:
    found = schedule(17, "max_steps=100", "epoch_steps=0", name="compact")
    assert (found.steps, found.epoch_steps, found.first_drop) == (100, 17, None)


def planned(settings: Recipe, **changes: Any) -> Plan:
    rows = table(clips=6)
    rows.valid[rows.clip >= 4] = True
    held = evaluate.held_out(rows, Evaluation(report=0.5))
    network = build("compact", width=8, blocks=1)
    return plan.plan(settings, rows, held, network, 2, Pace(0.5, 0.25, 1e6), {Form(48_000, 2): (1000, 400)})


def test_a_plan_counts_what_is_trained_on_chosen_by_and_reported() -> None:
    settings = recipe.load("compact", ["data.clips=2", "data.versions=4", "data.segment_s=1.0", "max_steps=9"])
    found = planned(settings)
    assert found.training == {"tracks": 4, "clips": 4, "files": 24}
    assert found.choose == found.report == {"tracks": 1, "clips": 1, "files": 6}
    assert (found.batch_rows, found.hours) == (8, pytest.approx(72 / 3600))
    judged_s = 2.0 * (6 + 4)  # a held-out clip in all its files, and the clean training clips
    assert found.seconds == pytest.approx((72 * 0.5 + judged_s * 0.25) / 2)
    assert (found.cache_bytes, found.cache_missing_bytes) == ({"48000-mid-side": 1000}, 400)
    assert found.front_bytes == 36 * 2 * 50 * 312 * 4
    weights = build("compact", width=8, blocks=1).parameter_counts()
    step = 8 / 2 * 1.0 * 1e6  # half of the segments of a batch, in each of two processes
    parts = (
        36 * plan._ROW_BYTES,
        found.front_bytes,
        24 * 984 * 4,
        step,
        4 * (weights["total"] + 3 * weights["trainable"]),
    )
    assert found.memory_bytes == plan._PROCESS_BYTES + sum(parts)
    assert Plan.from_json(found.to_json()) == found
    assert "4 tracks, 4 clips, 24 files" in found.lines()[0]


def test_a_step_takes_memory_by_the_second_of_audio_and_by_the_width_of_the_network() -> None:
    found = [pace(build("compact", width=width, blocks=1), 1.0, torch.device("cpu"), False) for width in (8, 64)]
    points = 25 * sum(build("compact", width=8, blocks=1).pooling.tracks) * 4
    assert 12 * points < found[0].memory < found[1].memory < 40 * points
    assert min(found[0].step, found[0].judge) > 0


def test_the_planned_batches_are_those_that_are_drawn() -> None:
    rows = table(clips=5)
    for data in (Data(clips=2, versions=4), Data(clips=2, versions=4, batch="shuffled"), Data(clips=1, versions=99)):
        found = sampler.size(rows, sampler.usable(rows, np.ones(len(rows), bool)), data)
        assert found.rows == (data.clips * 6 if data.versions == 99 else 8)
    with pytest.raises(UserError, match=r"no training clip is 4 s long"):
        sampler.size(rows, sampler.usable(rows, np.zeros(len(rows), bool)), Data())
