"""Recordings kept out of training in turns: a data set of them, and what networks say about its rows."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import torch

from deepaq.backbones.backbone import Backbone, build
from deepaq.scoring.mapping import MosMapping
from manifests.dataset import Dataset
from manifests.ids import joined_id
from manifests.jobs import cpu_count
from tests.conftest import ROOT
from tests.shared import SHARED
from training import recipe
from training.data import decode, store, table
from training.data.cache import Cache, Form
from training.data.store import Store
from training.loop import distil, evaluate
from training.loop.gather import World
from training.loop.trainer import Trainer
from training.settings import Data, Recipe

Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
Found = tuple[Values, Values]  # MOS of every row with and without its own reference, NaN where not judged
Model = tuple[Backbone, tuple[MosMapping, MosMapping]]
MUSIC = SHARED / "music"
FREE = ("CC0-", "CC-BY-4.0", "MIT ")  # licences under which the packaged metric trains
REAL = "music"
PARTS, REFERENCES = 3, 20


def prepare(folder: Path) -> None:
    """Make the data set FOLDER/data."""
    join_recordings(folder / REAL)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # also if the environment is not activated
    environment = {**os.environ, "PATH": path, "RECORDINGS": str(folder / REAL), "ONLY_DATA": "1"}
    subprocess.run(["bash", str(ROOT / "training" / "packaged.sh"), str(folder)], check=True, env=environment)


def join_recordings(out: Path) -> None:
    """Write one file per recording; the name says whether its licence allows training."""
    out.mkdir(parents=True, exist_ok=True)
    parts = defaultdict(list)
    with (MUSIC / "music.csv").open() as file:
        for row in csv.DictReader(file):
            kind = "free" if row["licence"].startswith(FREE) else "other"
            parts[f"{kind}-{row['file'].rpartition('_')[0]}"].append(row["file"])
    for name, files in parts.items():
        path = out / f"{name}.flac"
        if not path.exists():
            found = [soundfile.read(MUSIC / each, always_2d=True) for each in sorted(files)]
            soundfile.write(path, np.concatenate([samples for samples, _ in found]), found[0][1], subtype="PCM_24")


class Bench:
    """Rows of a data set, labelled by ViSQOL, with their inputs to the network and their recordings.

    labels, mixes: the recipe's labels from several teachers; NaN for rows that it does not train on.
    """

    def __init__(self, folder: Path) -> None:
        dataset = Dataset(folder / "data")
        self.rows = table.load(dataset, Data(fold="1/2"))
        taught = table.load(dataset, replace(recipe.load("packaged").data, fold="1/2"))
        places = {name: place for place, name in enumerate(self.rows.row_id.tolist())}
        own = [places[name] for name in taught.row_id.tolist()]
        self.labels, self.mixes = np.full(len(self.rows), np.nan), np.full(len(self.rows), None)
        self.labels[own], self.mixes[own] = taught.mos, taught.mix
        network = build("compact")
        form, place = Form(network.sample_rate, network.channels), folder / "data" / "cache"
        decode.fill(dataset, {form: self.rows}, place, cpu_count())
        self.store = store.fill(network, self.rows, Cache.of(self.rows, form, place))
        mid = Cache.of(self.rows, form, place, only_mid=True)
        self.plain = {
            name: store.fill(build("plain", kind=kind), self.rows, mid)
            for name, kind in (("log-mel", "mel"), ("log-ERB", "erb"))
        }
        paths = {row["reference_id"]: Path(row["track_path"]) for row in dataset.references().to_pylist()}
        clean = {int(self.rows.clip[r]): paths[str(self.rows.row_id[r])] for r in np.flatnonzero(self.rows.clean)}
        own = [clean[int(clip)] for clip in self.rows.clip]
        self.song = np.array([path.name for path in own])
        self.real = np.array([path.parent.name == REAL for path in own])

    def parts(self) -> Iterator[Rows]:
        """Yield the held-out rows of each part of the recordings."""
        tracks = sorted(set(self.song[self.real]), key=lambda song: joined_id("fold", song))
        for place in range(PARTS):
            yield np.isin(self.song, tracks[place::PARTS])

    def references(self, held_out: Rows) -> Rows:
        """Clean clips of other recordings, to be the non-matching references."""
        known = np.flatnonzero(self.rows.clean & self.real & ~held_out)
        chosen = np.zeros(len(self.rows), bool)
        chosen[known[:: max(1, len(known) // REFERENCES)][:REFERENCES]] = True
        return chosen

    def seen(self, source: Store, held_out: Rows) -> Store:
        """The part of `source` that an evaluation needs."""
        needed = held_out | self.references(held_out)
        found = source.part(needed)
        found.table = replace(found.table, valid=held_out[needed])
        return found

    def judged(self, network: Backbone, source: Store, curves: tuple[MosMapping, MosMapping], held_out: Rows) -> Found:
        """MOS of the held-out rows."""
        seen = self.seen(source, held_out)
        distances = evaluate.distances(network, seen)
        found = []
        for curve, values in zip(curves, (distances.full, distances.unmatched), strict=True):
            mos = np.full(len(self.rows), np.nan)
            mos[held_out] = curve(values[seen.table.valid])
            found.append(mos)
        return found[0], found[1]

    def trained(self, settings: Recipe, held_out: Rows, work: Path, teacher: Values | None = None) -> Model:
        """Train on the rest, with the recipe's own labels, averaged with a `teacher`'s MOS of all rows."""
        left_out = held_out | np.isin(self.rows.codec, settings.data.without_codecs)
        chosen = np.isfinite(self.labels) & ~left_out
        training = self.store.part(chosen)
        labels = {"mos": self.labels[chosen], "mix": self.mixes[chosen], "valid": np.zeros(chosen.sum(), bool)}
        training.table = replace(training.table, **labels)
        if teacher is not None:
            training.table = distil.averaged(training.table, teacher[chosen])
        torch.manual_seed(settings.seed)
        options = dict(settings.backbone)
        network = build(str(options.pop("name")), **options)
        alone = World(0, 1, torch.device("cpu"))
        trainer = Trainer(settings, network, training, self.seen(self.store, held_out), alone)
        trainer.learner.start_curves()
        trainer.run(work, quiet=False)
        return network, (trainer.learner.curve("full").mapping(), trainer.learner.curve("unmatched").mapping())
