"""The end of a run: the final figures and the files of a finished run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from deepaq.backbones import backbone as backbones
from deepaq.console import note
from deepaq.scoring import checkpoint
from deepaq.scoring import mapping as mappings
from deepaq.scoring.checkpoint import Checkpoint
from manifests.provenance import provenance
from training.data.store import Store
from training.data.table import Table
from training.loop import figures, gather
from training.loop.evaluate import Distances, distances
from training.loop.trainer import Trainer
from training.results import card, folder, heldout
from training.results.printed import remarks


def finish(
    out: Path,
    trainer: Trainer,
    reported: Store,
    before: Mapping[str, Any],
    damaged: Mapping[str, str],
    begun: float,
) -> dict[str, Any]:
    """Judge the trained network, write what a finished run has, the metric itself last, and return the result."""
    from training.results import report  # draws with matplotlib, whose import a run that is refused need not wait for

    top = trainer.learner.top
    chosen = distances(trainer.network, trainer.held_out, trainer.world)
    rows = reported.table
    found = chosen if reported is trainer.held_out else distances(trainer.network, reported, trainer.world)
    validation = {"trained": figures.correlations(rows, found), **before}
    result: dict[str, Any] = {
        "run": str(out),
        "steps": trainer.step,
        "parameters": trainer.network.parameter_counts(),
        "validation": validation,
        "mapping": {mode: figures.mapped(rows, getattr(found, mode), top) for mode in ("full", "unmatched")},
        "skipped": len(damaged),
        "remarks": remarks(validation),
        "seconds": time.perf_counter() - begun,
    }
    if trainer.world.first:
        fitted = _mappings(trainer, trainer.held_out.table, chosen)
        checkpoint.write_json(out / folder.METRICS, result)
        heldout.write(out, rows, {"trained": found})
        report.write(out, rows, found, fitted)
        table, tools = trainer.store.table, backbones.BACKBONES.packages([trainer.network.name])
        info = {
            "recipe": asdict(trainer.recipe),
            "steps": trainer.step,
            "data": {
                "clips": int(table.clean.sum()),
                "rows": len(table),
                "clean_hours": float(table.seconds[table.clean].sum()) / 3600,
                "fingerprint": trainer.fingerprint,
            },
            "validation": result["validation"]["trained"],
            "provenance": provenance("training fit", {}, tools, ("torch", "transformers", "peft", "numpy")),
        }
        card.write(out, trainer.network, result, trainer.recipe)
        checkpoint.save(out, Checkpoint(trainer.network, fitted["full"], fitted["unmatched"], info))
        folder.write_checksums(out)
        if damaged:
            note(f"{len(damaged)} damaged files were left out; {out / folder.SKIPPED} lists them")
    gather.wait()
    return result


def _mappings(trainer: Trainer, rows: Table, found: Distances) -> dict[str, mappings.MosMapping]:
    """Return distance -> MOS per mode: the curve that regression learned, or one fitted to the held-out clips."""
    recipe, learner = trainer.recipe, trainer.learner
    result: dict[str, mappings.MosMapping] = {}
    for mode, weights in (("full", recipe.full), ("unmatched", recipe.unmatched)):
        learned = weights.regression > 0 and (mode == "full" or learner.descriptions is not None)
        if recipe.run.mapping == "auto" and learned:
            result[mode] = learner.curve(mode).mapping()
            continue
        values = getattr(found, mode)
        judged = rows.valid & ~rows.clean & np.isfinite(values)
        kind = "cubic" if recipe.run.mapping == "auto" else recipe.run.mapping
        result[mode] = mappings.FITS[kind](values[judged], rows.mos[judged], learner.top)
    return result
