"""Agreement of the packaged metric's recipe with ViSQOL on recordings kept out of training.

    python -m tests.bench.agreement [FOLDER] [--seeds 3] [--steps N] [--without-codecs] [--distilled] [--packaged]
                                           [--ready]

Makes a data set in FOLDER (packaged-run/agreement; forty minutes on two cores, resumed by a rerun): the recordings of
DEEPAQ_SHARED, with parts of one recording joined, in 21 codec conditions and two severities of every distortion, and
the music that `training/packaged.sh` makes. Holds out each third of the recordings once while the recipe trains on the
rest. Prints the SRCC / PCC of all held-out clips with ViSQOL and with the recipe's own labels, with 95 % intervals over
clips, per seed. --without-codecs: also train without each codec in turn. --distilled: also train one network on labels
averaged with the MOS of the others. --packaged: also judge the packaged metric on the recordings whose licence kept
them out of its training. --ready: take the data set of FOLDER as it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from deepaq.backbones.backbone import build
from deepaq.scoring import checkpoint
from deepaq.scoring.mapping import Exponential
from deepaq.scoring.metric import PACKAGED
from labels.benchmark.statistics.correlation import pcc, srcc
from labels.benchmark.statistics.jackknife import interval
from labels.raters.visqol import IDENTITY_MOS
from tests.bench.parts.recordings import PARTS, Bench, Found, Rows, Values, prepare
from training import recipe
from training.data.table import Table


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("packaged-run/agreement"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--without-codecs", action="store_true")
    parser.add_argument("--distilled", action="store_true")
    parser.add_argument("--packaged", action="store_true")
    parser.add_argument("--ready", action="store_true")
    options = parser.parse_args()
    if not options.ready:
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
