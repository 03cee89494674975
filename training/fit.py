"""`training fit`: from a labelled data set to a run folder with a trained metric."""

from __future__ import annotations

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
from manifests.dataset import Dataset
from training.data import decode, store, table
from training.data.cache import Cache, Form
from training.data.table import Mask, Table
from training.loop import distil, evaluate, figures, gather, plan
from training.loop.evaluate import HeldOut
from training.loop.gather import World
from training.loop.learner import bfloat16
from training.loop.pace import pace
from training.loop.trainer import Trainer
from training.results import folder, heldout
from training.results.finish import finish
from training.results.folder import Start
from training.settings import Recipe

BASELINES = {"log-mel": {"kind": "mel"}, "log-erb": {"kind": "erb"}}  # settings of the plain backbone
CACHE = "cache"  # default folder of decoded audio, inside the data set


@dataclass(frozen=True)
class Options:
    """Options of a run that leave its result alone. cache: folder of decoded audio, `cache` in the data set when None.
    jobs: processes that decode. dry_run: return the plan and write nothing."""

    overwrite: bool = False
    resume: bool = False
    cache: Path | None = None
    jobs: int = 1
    quiet: bool = False
    dry_run: bool = False


def fit(data: Path, out: Path, recipe: Recipe, options: Options | None = None) -> dict[str, Any]:
    """Train on the data set folder `data`, write the run folder `out` and return what was reached.

    Keys: run, steps, parameters {backbone, lora, head, trainable, total}, validation {trained, untrained, log-mel,
    log-erb: correlations as in `training.loop.figures`}, mapping {mode: {kind: Pearson correlation}}, skipped (damaged
    files), remarks, seconds; with dry_run the plan, see `training.loop.plan.Plan`. If `out` holds a run of the same
    recipe on the same data, training resumes from the last saved state, or returns at once when it is finished. Under
    torchrun every process calls this; the first one writes. Raises KeyboardInterrupt, with the state saved, when asked
    to stop.
    """
    options = options or Options()
    begun = time.perf_counter()
    gather.check_share(recipe.data.clips * recipe.data.versions, gather.processes())
    dataset, place = Dataset(data), options.cache or data / CACHE
    start = folder.start(out, recipe, options.overwrite, options.resume)
    network = _network(recipe)
    form = Form(network.sample_rate, network.channels)
    plain = form if form.rate == Plain.sample_rate else Form(Plain.sample_rate)  # taken by plain spectral distances
    if start is not Start.FINISHED and not options.dry_run:
        each = gather.processes_here()  # every process has fronts of its own
        decode.check_room(dataset, recipe.data, form, place, lambda audio_s: each * store.disk_bytes(network, audio_s))
    rows = table.load(dataset, recipe.data)
    ensemble = distil.members(recipe.data.ensemble, network)
    fingerprint = rows.take(~rows.valid).fingerprint(*(model.fingerprint for model in ensemble))
    if start is Start.FINISHED and not options.dry_run:
        return folder.result(out, fingerprint)
    damaged = folder.skipped(out) if start is Start.RESUMED else {}
    held = evaluate.held_out(rows, recipe.evaluation)
    rows, held = held.kept(rows, (held.either | ~rows.valid) & ~np.isin(rows.path, list(damaged)))
    wanted = {form: rows} if plain == form else {form: rows, plain: rows.take(held.either)}
    device = gather.device_of(recipe.run.device)
    if options.dry_run or (gather.rank() == 0 and not options.quiet):
        speed = pace(network.to(device), recipe.data.segment_s, device, bfloat16(recipe, device))
        sizes = {form: decode.sizes(entry, form, place) for form, entry in wanted.items()}
        planned = plan.plan(recipe, rows, held, network, gather.processes(), speed, sizes)
        if options.dry_run:
            return planned.to_json()
        for line in planned.lines():
            note(line)
    if gather.decodes():  # the other processes wait for this one in `join`
        damaged |= decode.fill(dataset, wanted, place, options.jobs, options.quiet, recipe.data.damaged_share)
    world = gather.join(device)
    try:
        options = options if world.first else replace(options, quiet=True)
        rows, held = held.kept(rows, _readable(rows, held, (form, plain), place, world))
        filled = store.fill(network.to(device), rows, Cache.of(rows, form, place), options.quiet)
        if ensemble:
            if not options.quiet:
                note(f"labelling the training rows with {len(ensemble)} networks")
            filled.table = distil.distilled(filled, ensemble, world)
        trainer = Trainer(recipe, network, filled.part(~rows.valid), filled.part(held.choose), world, fingerprint)
        reported = trainer.held_out if held.choose is held.report else filled.part(held.report)
        if world.first:
            if start is Start.NEW:
                folder.begin(out, recipe)
            folder.write_skipped(out, damaged)
            _print_size(network)
        gather.wait()
        audio = Cache.of(reported.table, plain, place, only_mid=True)
        before = _before(out, trainer, reported, audio, start, options.quiet)
        _train(out, trainer, start, options.quiet)
        return finish(out, trainer, reported, before, damaged, begun)
    finally:
        gather.leave()


def _network(recipe: Recipe) -> Backbone:
    torch.manual_seed(recipe.seed)
    settings = dict(recipe.backbone)
    network = backbones.build(str(settings.pop("name", "compact")), **settings)
    if recipe.data.segment_s < network.shortest_s:
        raise UserError(f"data.segment_s={recipe.data.segment_s:g}: {network.name} needs {network.shortest_s:g} s")
    return network


def _readable(rows: Table, held: HeldOut, forms: tuple[Form, Form], place: Path, world: World) -> Mask:
    """Tell which rows, (rows,), were decoded in every form that they are needed in, on all machines."""
    own, plain = (Cache.of(rows, form, place).present for form in forms)
    absent = torch.from_numpy(~own | (held.either & ~plain)).to(world.device, torch.float32)
    found: Mask = (gather.added(absent) == 0).cpu().numpy()
    return found


def _print_size(network: Backbone) -> None:
    counts = network.parameter_counts()
    text = f"{counts['backbone']:,} backbone, {counts['lora']:,} LoRA, {counts['head']:,} head parameters"
    note(f"{network.name}: {text}, {100 * counts['trainable'] / max(1, counts['total']):.4f} % trainable")


def _before(
    out: Path, trainer: Trainer, reported: store.Store, audio: Cache, start: Start, quiet: bool
) -> dict[str, Any]:
    """Return the correlations of the untrained network and of plain spectral distances; computed once in a run's life.

    reported: the rows that the figures come from. audio: of these, as plain distances take it.
    """
    if start is Start.RESUMED and (kept := folder.before(out)):
        return kept
    systems = {"untrained": evaluate.distances(trainer.network, reported, trainer.world)}
    for name, settings in BASELINES.items():
        network = Plain(**settings)
        filled = store.fill(network, reported.table, audio, quiet)
        systems[name] = evaluate.distances(network, filled)
    found = {name: figures.correlations(reported.table, distances) for name, distances in systems.items()}
    if trainer.world.first:
        heldout.write(out, reported.table, systems)
        checkpoint.write_json(out / folder.BEFORE, found)
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
