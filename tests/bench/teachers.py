"""Labels that bring a small transformer nearer to listeners: ViSQOL and bitrate, a consensus of raters, or ranks alone.

    python -m tests.bench.teachers [--music FOLDER] [--seeds 3] [--steps 300] [--out FOLDER] [--quick]

Cuts MUSIC ($DEEPAQ_SHARED/music) and computed speech into clips of 4 s, each in ten conditions of codecs and
distortions, labels them by ViSQOL and by the consensus, and trains a transformer of the MERT family (random start,
three layers of 48) by the recipes `deepaq`, `deepaq-consensus` and `deepaq-ranks`. Its distance, that of its untrained
self, and the core's are then compared with the listeners of every test at hand, as in tests/bench/truth.py. Prints the
mean over families of tests for every recipe, the range over seeds, and the difference to the same network untrained
with a 95 % interval over families and seeds. --out keeps the work, and a later run resumes it.
--quick: less speech in fewer conditions, to see that the script works.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.shared import SHARED

RECIPES = ("deepaq", "deepaq-consensus", "deepaq-ranks")
UNTRAINED = "untrained"
SMALL = [
    *("backbone.init=random", "backbone.dims=64", "data.segment_s=2.0", "evaluations=10", "evaluation.clips=100"),
    *("optimiser.lr=3e-3", "run.keep=last", "run.device=cpu", "data.segment_labels=false"),
]


def command(name: str, *arguments: str | Path) -> None:
    """Run `name ...`."""
    try:
        import_module(f"{name}.cli").main([*map(str, arguments)], prog_name=name)
    except SystemExit as end:
        if end.code not in (0, 1):  # 1: single failures, which are listed
            raise


def data(music: Path, work: Path, quick: bool) -> Path:
    """Label the data set from which all recipes learn."""
    store = work / "data"
    minutes, conditions_per_clip = ("0.1", "2") if quick else ("2", "10")
    command("prep", "synth", work / "speech", "--minutes", minutes, "--speech", "--seed", "3", "--jobs", "1")
    conditions = ["--codecs", "opus,mp3,aac", "--bitrates", "16,32,64,128", "--distortions", "all"]
    sampled = ["--clip", "4", "--conditions-per-clip", conditions_per_clip, "--jobs", "1", "-q"]
    command("prep", "transcode", music, work / "speech", "--out", store, *conditions, *sampled)
    command("labels", "visqol", store, "--jobs", "1", "-q")
    command("labels", "rate", store, "--rater", "consensus", "--jobs", "1", "-q")
    return store


def shape() -> dict[str, Any]:
    from tests.training.learning import SHAPE

    return SHAPE


def untrained(run: Path, seed: int) -> None:
    """Write the network that the recipes start from as a run."""
    from deepaq.backbones.backbone import build
    from deepaq.scoring import checkpoint
    from training import recipe

    settings = recipe.load("deepaq", [*SMALL, *(f"backbone.config.{key}={value}" for key, value in shape().items())])
    options = dict(settings.backbone)
    torch.manual_seed(seed)
    network = build(options.pop("name"), **{**options, "seed": seed})
    checkpoint.save(run, checkpoint.Checkpoint(network.eval()))


def runs(store: Path, work: Path, seeds: int, steps: int) -> dict[str, Path]:
    """Train by every recipe and seed: folders by name."""
    found = {}
    config = [f"backbone.config.{key}={value}" for key, value in shape().items()]
    for seed in range(seeds):
        for recipe in (UNTRAINED, *RECIPES):
            name = f"{recipe}.{seed}"
            run = found[name] = work / "runs" / name
            if (run / "model.json").is_file():
                continue
            if recipe == UNTRAINED:
                untrained(run, seed)
                continue
            settings = [*SMALL, *config, f"max_steps={steps}", f"seed={seed}", f"backbone.seed={seed}"]
            options = [part for setting in settings for part in ("-o", setting)]
            command("training", "fit", store, "--out", run, "--recipe", recipe, *options, "--jobs", "1", "-q")
    return found


def difference(values: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    """Mean and 95 % interval of each recipe's gain over the same start, (seeds, families), by resampling both."""
    rng = np.random.default_rng(0)
    found = {}
    for recipe in RECIPES:
        gain = values[recipe] - values[UNTRAINED]
        count, families = gain.shape
        means = [
            gain[np.ix_(rng.integers(0, count, count), rng.integers(0, families, families))].mean() for _ in range(5000)
        ]
        found[recipe] = [float(gain.mean()), *np.quantile(means, (0.025, 0.975))]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, default=SHARED / "music")
    parser.add_argument("--listening", type=Path, default=SHARED / "listening")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not (options.music.is_dir() and options.listening.is_dir()):
        sys.exit("music or listening tests are missing; set DEEPAQ_SHARED, or give --music and --listening")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        report(options, options.out or Path(scratch))


def report(options: argparse.Namespace, work: Path) -> None:
    from tests.bench import truth

    made = runs(data(options.music, work, options.quick), work, options.seeds, options.steps)
    chosen = [f"deepaq-fr+{name}.model={run}" for name, run in made.items()]
    raters = ["deepaq-fr", *(f"deepaq-fr+{name}" for name in made)]
    judged = argparse.Namespace(
        **{"raters": ",".join(raters), "option": chosen, "again": "", "family": [], "jobs": 1, "resamples": 200},
        **{"listening": options.listening, "out": work / "truth"},
    )
    benchmark, found = truth.judge(judged)
    counted = found["counted"]
    pcc: dict[str, list[list[float]]] = defaultdict(list)
    for name in made:
        families = found["raters"][f"deepaq-fr+{name}"]["families"]
        pcc[name.rpartition(".")[0]].append([families[family] for family in counted])
    values = {recipe: np.array(rows) for recipe, rows in pcc.items()}
    gains = difference(values)
    print(f"| labels | family mean | over seeds | minus untrained | {' | '.join(counted)} |")
    print(f"|---|---|---|---|{'---|' * len(counted)}")
    for recipe, rows in values.items():
        means = rows.mean(axis=1)
        gain = f"{gains[recipe][0]:+.3f} [{gains[recipe][1]:.3f}, {gains[recipe][2]:.3f}]" if recipe in gains else "–"
        families = " | ".join(f"{value:.2f}" for value in rows.mean(axis=0))
        print(f"| {recipe} | {means.mean():.3f} | {means.min():.3f} to {means.max():.3f} | {gain} | {families} |")
    core = found["raters"]["deepaq-fr"]["families"]
    print(f"| the core | {np.mean([core[f] for f in counted]):.3f} | – | – | ", end="")
    print(" | ".join(f"{core[family]:.2f}" for family in counted) + " |")
    units = sum(test["protocols"][0]["stimuli"] for test in benchmark["tests"])
    print(f"\n{len(benchmark['tests'])} tests, {units} stimuli; PCC of the distance; recipes of {options.steps} steps")


if __name__ == "__main__":
    main()
