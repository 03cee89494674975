"""Distillation of an ensemble into one network, which is trained on what the others say of its training versions
(Hinton, Vinyals and Dean 2015, arXiv 1503.02531); the labels keep half the weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepaq.backbones.backbone import Backbone
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from training.data.scale import Rating
from training.data.store import Store
from training.data.table import Table
from training.loop import evaluate
from training.loop.gather import World


def members(runs: Sequence[str], network: Backbone) -> list[Checkpoint]:
    """The networks in the run folders `runs`; UserError where one is no `network`, or has no mapping to MOS."""
    found = [checkpoint.load(Path(run)) for run in runs]
    for run, model in zip(runs, found, strict=True):
        if model.backbone.name != network.name:
            raise UserError(
                f"{run}: is a network {model.backbone.name}; an ensemble for {network.name} is made of its like"
            )
        if model.full is None:
            raise UserError(f"{run}: has no mapping to MOS; train it again")
    return found


def distilled(source: Store, ensemble: Sequence[Checkpoint], world: World) -> Table:
    """The table of `source` with the training rows' labels averaged with the mean MOS that `ensemble` gives them.

    `source` has the fronts of the ensemble's networks. Clips that are silent keep their labels.
    """
    table = source.table
    turned = source.part(np.ones(len(table), bool))
    turned.table = replace(table, valid=~table.valid)  # what is trained on is judged here
    return averaged(table, np.mean([_mos(model, turned, world) for model in ensemble], axis=0))


def averaged(table: Table, mos: npt.NDArray[np.float64]) -> Table:
    """`table` with its labels averaged with `mos`, (rows,), where that is finite; clean clips keep theirs."""
    mixes, values = table.mix.copy(), table.mos.copy()
    for row in np.flatnonzero(np.isfinite(mos) & ~table.clean).tolist():
        mixes[row] = table.mix[row].joined([Rating(float(mos[row]), None)])
        values[row] = mixes[row].value
    return replace(table, mix=mixes, mos=values)


def _mos(model: Checkpoint, turned: Store, world: World) -> npt.NDArray[np.float64]:
    assert model.full
    return model.full(evaluate.distances(model.backbone.to(world.device), turned, world).full)
