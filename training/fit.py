"""`training fit`: from a labelled data set to a run folder with a trained metric."""

from __future__ import annotations

import json
import shutil
import time
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
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.mapping import FITS, MosMapping
from manifests.dataset import Dataset
from manifests.provenance import package_version, provenance
from training.data import cache, store, table
from training.data.cache import Form
from training.data.table import Table
from training.loop import distil, evaluate, gather, state
from training.loop.evaluate import Distances
from training.loop.gather import World
from training.loop.trainer import BAD_BATCH, Trainer
from training.recipe import from_json
from training.results import card, report
from training.results.folder import BEFORE, METRICS, SETTINGS
from training.settings import Recipe

BASELINES = {"log-mel": {"kind": "mel"}, "log-erb": {"kind": "erb"}}  # settings of the plain backbone
CACHE = "cache"  # of decoded audio, in the data set unless named
MAY_CHANGE = ("max_steps", "run")  # settings that a resumed run may change


@dataclass(frozen=True)
class Options:
    """How to go about it. cache: folder of decoded audio, `cache` in the data set when None. jobs: processes that
    decode."""

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
    options = _checked(out, recipe, options)
    rows = table.load(dataset, recipe.data)
    torch.manual_seed(recipe.seed)
    settings = dict(recipe.backbone)
    network = backbones.build(str(settings.pop("name", "compact")), **settings)
    if recipe.data.segment_s < network.shortest_s:
        raise UserError(f"data.segment_s={recipe.data.segment_s:g}: {network.name} needs {network.shortest_s:g} s")
    ensemble = distil.members(recipe.data.ensemble, network)
    fingerprint = rows.take(~rows.valid).fingerprint(*(model.fingerprint for model in ensemble))
    if not (options.resume or options.overwrite) and (out / card.CHECKSUMS).is_file():
        return _finished(out, fingerprint)
    held_out = evaluate.subset(rows, recipe.evaluation.clips, recipe.evaluation.references)
    wanted = rows.take(np.isin(rows.row_id, held_out.row_id) | ~rows.valid)
    folder = options.cache or data / CACHE
    if gather.decodes():  # the others wait for it in `join`
        cache.fill(dataset, wanted, Form.of(network), folder, options.jobs, options.quiet)
    world = gather.join(recipe.run.device)
    options = options if world.first else replace(options, quiet=True)
    parts = _Parts(dataset, folder, network.to(world.device), wanted, world, ensemble, fingerprint)
    try:
        return _train(out, recipe, options, parts, begun)
    finally:
        gather.leave()


@dataclass(frozen=True)
class _Parts:
    dataset: Dataset
    folder: Path
    network: Backbone
    rows: Table
    world: World
    ensemble: list[Checkpoint]
    fingerprint: str


def _train(out: Path, recipe: Recipe, options: Options, parts: _Parts, begun: float) -> dict[str, Any]:
    network, rows, world = parts.network, parts.rows, parts.world
    audio = cache.fill(parts.dataset, rows, Form.of(network), parts.folder, options.jobs, options.quiet)
    filled = store.fill(network, rows, audio, options.quiet)
    if parts.ensemble:
        if not options.quiet:
            note(f"asking {len(parts.ensemble)} networks what they say of the training versions")
        filled.table = distil.distilled(filled, parts.ensemble, world)
    held_out = evaluate.subset(rows, recipe.evaluation.clips, recipe.evaluation.references)
    trainer = Trainer(
        recipe,
        network,
        filled.part(~rows.valid),
        filled.part(np.isin(rows.row_id, held_out.row_id)),
        world,
        parts.fingerprint,
    )
    if world.first:
        if not options.resume:
            _clear(out)
            checkpoint.write_json(out / SETTINGS, recipe.to_json())
        _say_size(network)
    gather.wait()
    before = _before(out, trainer, parts, options)
    if options.resume:
        trainer.resume(out)
        if world.first:
            _reopen(out, recipe)
    elif recipe.full.regression or recipe.unmatched.regression:
        trainer.start_curves()
    trainer.run(out, options.quiet)
    trainer.take_best(out)
    found = trainer.judge()
    result = {
        "run": str(out),
        "steps": trainer.step,
        "parameters": network.parameter_counts(),
        "validation": {"trained": evaluate.correlations(held_out, found), **before},
        "mapping": {mode: evaluate.mapped(held_out, getattr(found, mode), trainer.top) for mode in trainer.curves},
        "seconds": time.perf_counter() - begun,
    }
    if world.first:
        _finish(out, trainer, held_out, found, result)
    gather.wait()
    return result


def _checked(out: Path, recipe: Recipe, options: Options) -> Options:
    """`options`, with `resume` where `out` holds an unfinished run of the same recipe; UserError for another's."""
    if options.resume or options.overwrite or not out.exists() or not any(out.iterdir()):
        return options
    if not (out / SETTINGS).is_file():
        raise UserError(f"{out}: is not empty; choose another folder, or say --overwrite")
    if resumed(out) != recipe:
        raise UserError(
            f"{out}: holds a run with other settings; choose another folder, or say --overwrite or --resume"
        )
    if (out / card.CHECKSUMS).is_file():
        return options
    if state.saved(out):
        return replace(options, resume=True)
    return replace(options, overwrite=True)  # it had ended before anything was learned


def _finished(out: Path, fingerprint: str) -> dict[str, Any]:
    """What a finished run of the same recipe reached; UserError when it was trained on something else."""
    model, result = (json.loads((out / name).read_text()) for name in (checkpoint.FILE, METRICS))
    if model["info"]["data"]["fingerprint"] != fingerprint:
        raise UserError(f"{out}: holds a run on other rows or labels; choose another folder, or say --overwrite")
    note(f"{out}: is trained already; --overwrite trains it anew")
    return {**result, "run": str(out)}


def _clear(out: Path) -> None:
    """Remove what an earlier run left in `out`, the metric itself first, and nothing else."""
    for name in (*card.FILES, BAD_BATCH):
        (out / name).unlink(missing_ok=True)
    for name in card.PRIVATE:
        shutil.rmtree(out / name, ignore_errors=True)


def _reopen(out: Path, recipe: Recipe) -> None:
    """A finished run that goes on is unfinished again."""
    for name in (card.CHECKSUMS, checkpoint.FILE):
        (out / name).unlink(missing_ok=True)
    checkpoint.write_json(out / SETTINGS, recipe.to_json())


def resumed(out: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """The recipe of the run folder `out`, with what may change; UserError when there is none or something may not."""
    try:
        content = json.loads((out / SETTINGS).read_text())
    except (OSError, ValueError):
        raise UserError(f"{out}: holds no run to go on with ({SETTINGS} is missing or damaged)") from None
    for override in overrides:
        if override.partition("=")[0].partition(".")[0] not in MAY_CHANGE:
            raise UserError(f"-o {override}: a resumed run keeps its settings, except {' and '.join(MAY_CHANGE)}")
    return from_json(content, overrides)


def _before(out: Path, trainer: Trainer, parts: _Parts, options: Options) -> dict[str, Any]:
    """Correlations of the untrained network and of plain spectral distances; computed once in a run's life."""
    path = out / BEFORE
    if options.resume and path.is_file():
        kept: dict[str, Any] = json.loads(path.read_text())
        return kept
    held_out = trainer.held_out.table
    found = {"untrained": evaluate.correlations(held_out, trainer.judge())}
    form = Form.of(trainer.network)
    if form.rate != Plain.sample_rate:  # else there is hardly anything to decode
        form = Form(Plain.sample_rate)
    if gather.decodes():
        cache.fill(parts.dataset, held_out, form, parts.folder, options.jobs, options.quiet)
    gather.wait()
    audio = cache.fill(parts.dataset, held_out, form, parts.folder, 1, options.quiet)
    for name, settings in BASELINES.items():
        plain = Plain(**settings)
        filled = store.fill(plain, held_out, audio.mid(), options.quiet)
        found[name] = evaluate.correlations(held_out, evaluate.distances(plain.to(parts.world.device), filled))
    if parts.world.first:
        checkpoint.write_json(path, found)
    return found


def _say_size(network: Backbone) -> None:
    counts = network.parameter_counts()
    text = f"{counts['backbone']:,} backbone, {counts['lora']:,} LoRA, {counts['head']:,} head parameters"
    note(f"{network.name}: {text}, {100 * counts['trainable'] / max(1, counts['total']):.4f} % trainable")


def _finish(out: Path, trainer: Trainer, held_out: Table, found: Distances, result: dict[str, Any]) -> None:
    """Write everything that a finished run has; the metric itself last."""
    mappings = _mappings(trainer, held_out, found)
    checkpoint.write_json(out / METRICS, result)
    report.write(out, held_out, found, mappings)
    tools = {name: package_version(name) for name in ("torch", "transformers", "peft", "numpy")}
    tools |= backbones.BACKBONES.packages([trainer.network.name])
    info = {
        "recipe": trainer.recipe.to_json(),
        "steps": trainer.step,
        "data": trainer.describe_data(),
        "validation": result["validation"]["trained"],
        "provenance": provenance("training fit", {}, tools),
    }
    model = Checkpoint(trainer.network, mappings["full"], mappings["unmatched"], info)
    card.write(out, trainer.network, result, trainer.recipe)
    checkpoint.save(out, model)
    card.write_checksums(out)


def _mappings(trainer: Trainer, rows: Table, found: Distances) -> dict[str, MosMapping]:
    """Distance -> MOS per mode: as the recipe says, fitted to the held-out clips, or as regression learned it."""
    recipe = trainer.recipe
    result: dict[str, MosMapping] = {}
    for mode, weights in (("full", recipe.full), ("unmatched", recipe.unmatched)):
        learned = weights.regression > 0 and (mode == "full" or trainer.descriptions is not None)
        if recipe.run.mapping == "auto" and learned:
            result[mode] = trainer.curve(mode).mapping()
            continue
        values = getattr(found, mode)
        judged = rows.valid & ~rows.clean & np.isfinite(values)
        kind = "cubic" if recipe.run.mapping == "auto" else recipe.run.mapping
        result[mode] = FITS[kind](values[judged], rows.mos[judged], trainer.top)
    return result
