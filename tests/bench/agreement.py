"""Agreement of the packaged metric's recipe with ViSQOL on recordings kept out of training.

    python tests/bench/agreement.py [FOLDER] [--seeds 3] [--steps N] [--without-codecs] [--distilled] [--packaged]

Makes a data set in FOLDER (packaged-run/agreement; forty minutes on two cores, resumed by a rerun): the recordings of
DEEPAQ_SHARED, with parts of one recording joined, in 21 codec conditions and two severities of every distortion, and
the music that `training/packaged.sh` makes. Holds out each third of the recordings once while the recipe trains on the
rest. Prints the SRCC / PCC of all held-out clips with ViSQOL and with the recipe's own labels, with 95 % intervals over
clips, per seed. --without-codecs: also train without each codec in turn. --distilled: also train one network on labels
averaged with the MOS of the others. --packaged: also judge the packaged metric on the recordings whose licence kept
them out of its training.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import torch

from deepaq.backbones.backbone import Backbone, build
from deepaq.scoring import checkpoint
from deepaq.scoring.mapping import Exponential, MosMapping
from deepaq.scoring.metric import PACKAGED
from labels.benchmark.statistics.correlation import pcc, srcc
from labels.benchmark.statistics.jackknife import interval
from labels.raters.visqol import IDENTITY_MOS
from manifests.dataset import Dataset
from manifests.ids import joined_id
from manifests.jobs import cpu_count
from training import recipe
from training.data import decode, store, table
from training.data.cache import Cache, Form
from training.data.store import Store
from training.data.table import Table
from training.loop import distil, evaluate
from training.loop.gather import World
from training.loop.trainer import Trainer
from training.settings import Data, Recipe

Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
Found = tuple[Values, Values]  # MOS of every row with and without its own reference, NaN where not judged
Model = tuple[Backbone, tuple[MosMapping, MosMapping]]
ROOT = Path(__file__).parents[2]
SHARED = ROOT / os.environ.get("DEEPAQ_SHARED", "../shared/data") / "music"
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
    with (SHARED / "music.csv").open() as file:
        for row in csv.DictReader(file):
            kind = "free" if row["licence"].startswith(FREE) else "other"
            parts[f"{kind}-{row['file'].rpartition('_')[0]}"].append(row["file"])
    for name, files in parts.items():
        path = out / f"{name}.flac"
        if not path.exists():
            found = [soundfile.read(SHARED / each, always_2d=True) for each in sorted(files)]
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
        form, place = Form.of(network), folder / "data" / "cache"
        decode.fill(dataset, {form: self.rows}, place, cpu_count())
        audio = Cache.of(self.rows, form, place)
        self.store = store.fill(network, self.rows, audio)
        self.plain = {
            name: store.fill(build("plain", kind=kind), self.rows, audio.mid())
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


def mean_of(seeds: list[Found]) -> Found:
    """Mean MOS of an ensemble."""
    full, unmatched = (np.mean(np.stack(each), axis=0) for each in zip(*seeds, strict=True))
    return full, unmatched


def together(parts: list[Found]) -> Found:
    """Join the predictions of several parts."""
    first, second = (np.nansum(np.stack(each), axis=0) for each in zip(*parts, strict=True))
    known = np.any([~np.isnan(full) for full, _ in parts], axis=0)
    return np.where(known, first, np.nan), np.where(known, second, np.nan)


def oracle(rows: Table, song: npt.NDArray[np.str_], judged: Rows) -> Values:
    """The mean label of the condition on other recordings."""
    found = np.full(len(rows), np.nan)
    for condition in np.unique(rows.condition[judged & ~rows.clean]):
        alike = judged & (rows.condition == condition)
        for name in np.unique(song[alike]):
            others = alike & (song != name)
            if others.any():
                found[alike & (song == name)] = rows.mos[others].mean()
    return found


def show(bench: Bench, systems: dict[str, Found]) -> None:
    rows = bench.rows
    groups = {"all": ~rows.clean, "ViSQOL the only teacher": ~rows.clean & (bench.labels == rows.mos)}
    groups |= {"codecs": rows.coded, "distortions": ~rows.clean & ~rows.coded}
    groups |= {codec: rows.codec == codec for codec in ("opus", "mp3", "aac")}
    tables = {
        "full reference, with ViSQOL": (0, rows.mos),
        "full reference, with the labels": (0, bench.labels),
        "non-matching references, with ViSQOL": (1, rows.mos),
    }
    for title, (mode, labels) in tables.items():
        print(f"\n| {title}, SRCC [95 %] / PCC | {' | '.join(groups)} |\n|{'---|' * (len(groups) + 1)}")
        for name, found in systems.items():
            cells = [correlation(rows, labels, found[mode], group) for group in groups.values()]
            print(f"| {name} | {' | '.join(cells)} |")
    sys.stdout.flush()


def correlation(rows: Table, labels: Values, mos: Values, group: Rows) -> str:
    known = group & np.isfinite(mos) & np.isfinite(labels)
    if known.sum() < 3 or np.ptp(mos[known]) == 0:
        return "-"
    value = float(srcc(mos[known], labels[known])[0])
    found = interval(srcc, mos[known], labels[known], [str(clip) for clip in rows.clip[known]])
    low_high = f" [{found[0]:.3f}, {found[1]:.3f}]" if found else ""
    return f"{value:.3f}{low_high} / {float(pcc(mos[known], labels[known])[0]):.3f}"


def main() -> None:
    sys.path[0] = str(ROOT)  # this folder's visqol.py would shadow the package
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("packaged-run/agreement"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--without-codecs", action="store_true")
    parser.add_argument("--distilled", action="store_true")
    parser.add_argument("--packaged", action="store_true")
    options = parser.parse_args()
    prepare(options.folder)
    bench = Bench(options.folder)
    print(f"{bench.real.sum()} versions of {len(np.unique(bench.rows.clip[bench.real]))} clips of recordings, ", end="")
    print(f"{(~bench.real).sum()} of {len(np.unique(bench.rows.clip[~bench.real]))} clips made for training")
    changed = [f"max_steps={options.steps}"] if options.steps else []
    parts = list(bench.parts())

    taught: list[list[Values]] = [[] for _ in parts]  # per part, the MOS of every network for the rows of training

    def run(
        seed: int, *overrides: str, teachers: Sequence[Values | None] = (None,) * PARTS, keep: bool = False
    ) -> Found:
        settings = recipe.load("packaged", [f"seed={seed}", "epoch_steps=1000000", *changed, *overrides])
        found = []
        for part, teacher, said in zip(parts, teachers, taught, strict=True):
            network, curves = bench.trained(settings, part, options.folder / "work", teacher)
            found.append(bench.judged(network, bench.store, curves, part))
            if keep:
                said.append(bench.judged(network, bench.store, curves, ~part)[0])
        return together(found)

    seeds = [run(seed, keep=options.distilled) for seed in range(options.seeds)]
    systems = {f"trained, seed {seed}": found for seed, found in enumerate(seeds)}
    if len(seeds) > 1:
        systems["their mean"] = mean_of(seeds)
    if options.distilled:
        systems["distilled"] = run(0, teachers=[np.mean(said, axis=0) for said in taught])
    by_distance = (Exponential(IDENTITY_MOS, 0.1, 1.0),) * 2  # any falling curve keeps the order
    torch.manual_seed(0)
    untrained = build("compact").eval()
    systems["untrained"] = together([bench.judged(untrained, bench.store, by_distance, part) for part in parts])
    for name, source in bench.plain.items():
        network = build("plain", kind=name[4:].lower())
        systems[name] = together([bench.judged(network, source, by_distance, part) for part in parts])
    known = oracle(bench.rows, bench.song, bench.real)
    systems["knows the condition"] = known, known
    show(bench, systems)
    if options.without_codecs:
        for codec in ("opus", "mp3", "aac"):
            left_out = run(0, f'data.without_codecs=["{codec}"]')
            print(f"\nwithout {codec} in training; as before with it:")
            show(bench, {f"without {codec}": left_out, "with it": systems["trained, seed 0"]})
    if options.packaged:
        model = checkpoint.load(PACKAGED)
        unseen = bench.real & np.char.startswith(bench.song, "other-")
        assert model.full
        assert model.unmatched
        print("\nthe packaged metric, recordings from sources that it has not seen:")
        show(bench, {"packaged": bench.judged(model.backbone, bench.store, (model.full, model.unmatched), unseen)})


if __name__ == "__main__":
    main()
