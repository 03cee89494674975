"""Print figures that must not depend on the processor, as JSON: curves, a distance, scores, a lag, embeddings."""

from __future__ import annotations

import json

import numpy as np
import torch

import deepaq
from deepaq.audio.align import align
from deepaq.scoring.mapping import FITS
from tests.deepaq.backbones.shrunken import noise, tiny
from tests.deepaq.scoring.test_mapping import TOP, pairs
from tests.sounds import RATE, music


def numbers() -> dict[str, list[float]]:
    """The figures, each by a name that begins with its kind."""
    x, y = pairs(1)
    found = {f"curve {kind}": fit(x, y, TOP)(np.linspace(0, 9, 8)).tolist() for kind, fit in FITS.items()}
    found |= {
        f"curve {kind}, scaled": fit(1e4 * x, y, TOP)(np.linspace(0, 9e4, 8)).tolist() for kind, fit in FITS.items()
    }
    sound = music(3, 1)
    worse = sound + 0.01 * np.random.default_rng(0).standard_normal(sound.shape).astype(np.float32)
    late = np.concatenate([np.zeros((700, 2), np.float32), worse])
    for name in (None, "compact-2026a"):
        score = deepaq.load(name).score(sound, late, sample_rate=RATE)
        found[f"score {name}"] = [score.mos or 0.0, float(score.lag_samples or 0)]
    found["lag"] = [float(align(sound, late, RATE).lag)]
    signals = [torch.from_numpy(samples.T[None, :, : 2 * 48_000].copy()) for samples in (worse, sound)]
    found["loss"] = deepaq.Distance()(*signals).tolist()
    network = tiny(dropout=0.0, lora_dropout=0.0).train()
    found["embedding"] = network.embed(noise()).flatten().tolist()
    return found


if __name__ == "__main__":
    print(json.dumps(numbers()))
