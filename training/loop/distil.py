"""Distillation of an ensemble into one network, which is trained on the mean of the ensemble's MOS and the labels
(Hinton, Vinyals and Dean 2015, arXiv 1503.02531)."""

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
    """Load the networks of the run folders `runs`; UserError if one is of another kind, or has no mapping to MOS."""
    found = [checkpoint.load(Path(run)) for run in runs]
    for run, model in zip(runs, found, strict=True):
        if model.backbone.name != network.name:
            raise UserError(
                f"{run}: is a network {model.backbone.name}; an ensemble for {network.name} takes no others"
            )
        if model.full is None:
            raise UserError(f"{run}: has no mapping to MOS; train it again")
    return found


def distilled(source: Store, ensemble: Sequence[Checkpoint], world: World) -> Table:
    """Return the table of `source` with the training rows' labels averaged with the mean MOS of `ensemble`.

    `source` holds the fronts of the ensemble's networks. Silent clips keep their labels.
    """
    table = source.table
    turned = source.part(np.ones(len(table), bool))
    turned.table = replace(table, valid=~table.valid)  # the training rows are judged here
    return averaged(table, np.mean([_mos(model, turned, world) for model in ensemble], axis=0))


def averaged(table: Table, mos: npt.NDArray[np.float64]) -> Table:
    """Average the labels of `table` with `mos`, (rows,), if that is finite; clean clips keep theirs."""
    mixes, values = table.mix.copy(), table.mos.copy()
    for row in np.flatnonzero(np.isfinite(mos) & ~table.clean).tolist():
        mixes[row] = table.mix[row].joined([Rating(float(mos[row]), None)])
        values[row] = mixes[row].value
    return replace(table, mix=mixes, mos=values)


def _mos(model: Checkpoint, turned: Store, world: World) -> npt.NDArray[np.float64]:
    assert model.full
    return model.full(evaluate.distances(model.network.to(world.device), turned, world).full)
