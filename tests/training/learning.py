"""A small transformer of the MERT family, trained on synthetic music with graded damage, judged on unheard tracks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.signal import butter, sosfilt

from deepaq.audio import Samples
from deepaq.backbones.backbone import build
from tests.sounds import music
from training import recipe
from training.data.cache import Cache, Form, encoded, file_of
from training.data.store import Store
from training.data.table import Table
from training.loop import figures
from training.loop.evaluate import ALONE, distances
from training.loop.trainer import Trainer

RATE, SECONDS = 24_000, 3
TRAINING, HELD_OUT = 16, 8  # tracks
STEPS = 60
# As MERT: seven convolutions, frozen; transformer layers with LoRA on query and value; all layers pooled over time.
SHAPE = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 96,
         "conv_dim": [32] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}  # fmt: skip
DAMAGES = ("lowpass", "noise", "steps")  # each in five severities


def damaged(samples: Samples, kind: str, severity: int, rng: np.random.Generator) -> Samples:
    """Samples with a band limit, noise, or coarse quantisation; severity 1 to 5."""
    if kind == "lowpass":
        found = sosfilt(butter(6, (9000, 6500, 4500, 3000, 1800)[severity - 1], fs=RATE, output="sos"), samples)
    elif kind == "noise":
        level = 10 ** ((-50, -42, -34, -26, -18)[severity - 1] / 20)
        found = samples + level * rng.standard_normal(len(samples))
    else:
        width = (0.002, 0.005, 0.012, 0.03, 0.07)[severity - 1]
        found = width * np.rint(samples / width + rng.uniform(-0.5, 0.5, len(samples)))
    return found.astype(np.float32)


def data(folder: Path, seed: int) -> Store:
    """Tracks that no other seed has, each clean and in fifteen conditions; the label falls with the severity alone."""
    rng = np.random.default_rng(seed)
    form = Form(RATE)
    rows, keys = [], []
    for track in range(TRAINING + HELD_OUT):
        clean = music(SECONDS, 1000 * seed + track, rate=RATE, channels=1)[:, 0]
        conditions = [("clean", 0, math.inf, 4.7)]
        conditions += [(kind, n, float(6 - n), 5.0 - 0.75 * n) for kind in DAMAGES for n in range(1, 6)]
        for kind, severity, kbps, mos in conditions:
            keys.append(f"{track:02d}{kind}{severity}")
            path = file_of(folder, form, keys[-1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(form, damaged(clean, kind, severity, rng) if severity else clean))
            row = (keys[-1], "", "", track, kind, f"{kind}-{severity}", kbps, mos, None, float(SECONDS))
            rows.append((*row, track >= TRAINING, str(track)))
    table = Table(*(np.array(column) for column in zip(*rows, strict=True)))
    return Store(table, Cache(folder, form, keys, np.full(len(keys), SECONDS * RATE)), float(RATE))


def learned(folder: Path, store: Store, *overrides: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Figures of held-out tracks before and after training with the paper's recipe at this size."""
    config = [f"backbone.config.{key}={value}" for key, value in SHAPE.items()]
    small = ["backbone.init=random", "backbone.dims=32", "data.segment_s=1.0", "data.clips=4", "data.versions=8",
             f"max_steps={STEPS}", f"epoch_steps={STEPS}", "evaluations=0", "evaluation.references=8",
             "run.keep=last", "optimiser.lr=3e-3", "run.device=cpu"]  # fmt: skip
    settings = recipe.load("deepaq", [*small, *config, *overrides])
    torch.manual_seed(settings.seed)
    options = dict(settings.backbone)
    network = build(options.pop("name"), **{**options, "seed": settings.seed})
    table = store.table
    held_out = store.part(table.valid | table.clean)
    trainer = Trainer(settings, network, store.part(~table.valid), held_out, ALONE)
    before = figures.correlations(held_out.table, distances(trainer.network, held_out, trainer.world))
    folder.mkdir(parents=True, exist_ok=True)
    trainer.run(folder, quiet=True)
    return before, figures.correlations(held_out.table, distances(trainer.network, held_out, trainer.world))
