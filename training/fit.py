"""`training fit`: from a labelled data set to a run folder with a trained metric."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepaq.backbones import backbone as backbones
from deepaq.backbones.backbone import Backbone
from deepaq.backbones.plain import Plain
from deepaq.console import note
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from deepaq.scoring import mapping as mappings
from deepaq.scoring.checkpoint import Checkpoint
from manifests.dataset import Dataset
from manifests.provenance import package_version, provenance
from training.data import decode, store, table
from training.data.cache import Cache, Form
from training.data.table import Table
from training.loop import distil, evaluate, gather
from training.loop.evaluate import Distances
from training.loop.trainer import Trainer
from training.results import card, folder, report
from training.results.folder import Start
from training.settings import Recipe

BASELINES = {"log-mel": {"kind": "mel"}, "log-erb": {"kind": "erb"}}  # settings of the plain backbone
CACHE = "cache"  # default folder of decoded audio, inside the data set


@dataclass(frozen=True)
class Options:
    """Options of a run that leave its result alone. cache: folder of decoded audio, `cache` in the data set when None.
    jobs: processes that decode."""

    overwrite: bool = False
    resume: bool = False
    cache: Path | None = None
    jobs: int = 1
    quiet: bool = False


def fit(data: Path, out: Path, recipe: Recipe, options: Options | None = None) -> dict[str, Any]:
    """Train on the data set folder `data`, write the run folder `out` and return what was reached.

    Keys: run, steps, parameters {backbone, lora, head, trainable, total}, validation {trained, untrained, log-mel,
    log-erb: correlations as in `training.loop.evaluate`}, mapping {mode: {kind: Pearson correlation}}, seconds. If
    `out` holds a run of the same recipe on the same data, training resumes from the last saved state, or returns at
    once when it is finished. Under torchrun every process calls this; the first one writes. Raises KeyboardInterrupt,
    with the state saved, when asked to stop.
    """
    options = options or Options()
    begun = time.perf_counter()
    dataset = Dataset(data)
    start = folder.start(out, recipe, options.overwrite, options.resume)
    rows = table.load(dataset, recipe.data)
    network = _network(recipe)
    ensemble = distil.members(recipe.data.ensemble, network)
    fingerprint = rows.take(~rows.valid).fingerprint(*(model.fingerprint for model in ensemble))
    if start is Start.FINISHED:
        return folder.result(out, fingerprint)
    held_out = evaluate.subset(rows, recipe.evaluation.clips, recipe.evaluation.references)
    rows = rows.take(np.isin(rows.row_id, held_out.row_id) | ~rows.valid)
    form, plain = Form.of(network), _plain(Form.of(network))
    place = options.cache or data / CACHE
    if gather.decodes():  # the other processes wait for this one in `join`
        wanted = {form: rows} if plain == form else {form: rows, plain: held_out}
        decode.fill(dataset, wanted, place, options.jobs, options.quiet)
    world = gather.join(recipe.run.device)
    try:
        options = options if world.first else replace(options, quiet=True)
        filled = store.fill(network.to(world.device), rows, Cache.of(rows, form, place), options.quiet)
        if ensemble:
            if not options.quiet:
                note(f"labelling the training rows with {len(ensemble)} networks")
            filled.table = distil.distilled(filled, ensemble, world)
        chosen = np.isin(rows.row_id, held_out.row_id)
        trainer = Trainer(recipe, network, filled.part(~rows.valid), filled.part(chosen), world, fingerprint)
        if world.first:
            if start is Start.NEW:
                folder.begin(out, recipe)
            _print_size(network)
        gather.wait()
        before = _before(out, trainer, Cache.of(held_out, plain, place), start, options.quiet)
        _train(out, trainer, start, options.quiet)
        return _finish(out, trainer, before, begun)
    finally:
        gather.leave()


def _network(recipe: Recipe) -> Backbone:
    torch.manual_seed(recipe.seed)
    settings = dict(recipe.backbone)
    network = backbones.build(str(settings.pop("name", "compact")), **settings)
    if recipe.data.segment_s < network.shortest_s:
        raise UserError(f"data.segment_s={recipe.data.segment_s:g}: {network.name} needs {network.shortest_s:g} s")
    return network


def _plain(form: Form) -> Form:
    """Return the form that the plain spectral distances take, if possible the network's own."""
    return form if form.rate == Plain.sample_rate else Form(Plain.sample_rate)


def _print_size(network: Backbone) -> None:
    counts = network.parameter_counts()
    text = f"{counts['backbone']:,} backbone, {counts['lora']:,} LoRA, {counts['head']:,} head parameters"
    note(f"{network.name}: {text}, {100 * counts['trainable'] / max(1, counts['total']):.4f} % trainable")


def _before(out: Path, trainer: Trainer, audio: Cache, start: Start, quiet: bool) -> dict[str, Any]:
    """Return the correlations of the untrained network and of plain spectral distances; computed once in a run's life.

    audio: of the held-out rows, as plain distances take it.
    """
    path = out / folder.BEFORE
    if start is Start.RESUMED and path.is_file():
        kept: dict[str, Any] = json.loads(path.read_text())
        return kept
    held_out = trainer.held_out.table
    found = {"untrained": evaluate.correlations(held_out, trainer.judge())}
    for name, settings in BASELINES.items():
        network = Plain(**settings)
        filled = store.fill(network, held_out, audio.mid(), quiet)
        found[name] = evaluate.correlations(held_out, evaluate.distances(network, filled))
    if trainer.world.first:
        checkpoint.write_json(path, found)
    gather.wait()
    return found


def _train(out: Path, trainer: Trainer, start: Start, quiet: bool) -> None:
    """Train from the beginning or from the last saved state to the end, and take the network that is to be kept."""
    recipe = trainer.recipe
    if start is Start.RESUMED:
        trainer.resume(out)
        if trainer.world.first:
            folder.reopen(out, recipe)
    elif recipe.full.regression or recipe.unmatched.regression:
        trainer.learner.start_curves()
    trainer.run(out, quiet)
    trainer.take_best(out)


def _finish(out: Path, trainer: Trainer, before: Mapping[str, Any], begun: float) -> dict[str, Any]:
    """Judge the trained network, write what a finished run has, the metric itself last, and return the result."""
    rows, found, top = trainer.held_out.table, trainer.judge(), trainer.learner.top
    result = {
        "run": str(out),
        "steps": trainer.step,
        "parameters": trainer.network.parameter_counts(),
        "validation": {"trained": evaluate.correlations(rows, found), **before},
        "mapping": {mode: evaluate.mapped(rows, getattr(found, mode), top) for mode in ("full", "unmatched")},
        "seconds": time.perf_counter() - begun,
    }
    if trainer.world.first:
        fitted = _mappings(trainer, rows, found)
        checkpoint.write_json(out / folder.METRICS, result)
        report.write(out, rows, found, fitted)
        tools = {name: package_version(name) for name in ("torch", "transformers", "peft", "numpy")}
        tools |= backbones.BACKBONES.packages([trainer.network.name])
        info = {
            "recipe": trainer.recipe.to_json(),
            "steps": trainer.step,
            "data": trainer.describe_data(),
            "validation": result["validation"]["trained"],
            "provenance": provenance("training fit", {}, tools),
        }
        card.write(out, trainer.network, result, trainer.recipe)
        checkpoint.save(out, Checkpoint(trainer.network, fitted["full"], fitted["unmatched"], info))
        folder.write_checksums(out)
    gather.wait()
    return result


def _mappings(trainer: Trainer, rows: Table, found: Distances) -> dict[str, mappings.Mapping]:
    """Return distance -> MOS per mode: the curve that regression learned, or one fitted to the held-out clips."""
    recipe, learner = trainer.recipe, trainer.learner
    result: dict[str, mappings.Mapping] = {}
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
