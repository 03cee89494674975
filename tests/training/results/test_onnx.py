"""Runs as ONNX files: equal to the network, and described well enough to use them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import deepaq
from deepaq.audio import Samples
from deepaq.backbones.backbone import build
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.mapping import Exponential
from tests.deepaq.backbones.shrunken import TINY
from tests.sounds import music
from training.results import folder
from training.results.onnx import export

onnxruntime = pytest.importorskip("onnxruntime")
RATE = {"compact": 48_000, "mert": 24_000}
SETTINGS: dict[str, dict[str, Any]] = {
    "compact": {"width": 8, "blocks": 1, "projected": 4},
    "mert": {"init": "random", "config": TINY, "dims": 8, "mode": "lora"},
}


@pytest.fixture(scope="module", params=["compact", "mert"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and its ONNX file below `portable`."""
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp(request.param)
    curve = Exponential(4.7, 0.1, 1.5)
    model = Checkpoint(build(request.param, **SETTINGS[request.param]).eval(), curve, curve)
    checkpoint.save(place / "run", model)
    folder.write_checksums(place / "run")
    export(place / "run", place / "portable")
    return place


def pair(rate: int, stereo: bool) -> tuple[Samples, Samples]:
    clean = music(3.2, 1, rate)[: round(2.9 * rate)]
    clean = clean if stereo else clean.mean(axis=1)
    coded = clean + np.float32(0.01) * np.random.default_rng(0).standard_normal(clean.shape, np.float32)
    return clean - clean.mean(axis=0), coded - coded.mean(axis=0)  # a constant offset would be removed


def channels(use: dict[str, Any], samples: Samples) -> Samples:
    """The input as network.json says."""
    if use["channels"] == 1:
        return samples[None]
    left, right = samples.T if samples.ndim == 2 else (samples, samples)
    return np.stack([(left + right) / 2, (left - right) / 2])[None].astype(np.float32)


def distance(use: dict[str, Any], ours: Samples, theirs: Samples) -> float:
    tracks = np.split(ours - theirs, np.cumsum(use["distance"]["tracks"])[:-1].astype(int), axis=1)
    steps = np.mean([np.linalg.norm(track, axis=1) for track in tracks], axis=0)
    return float(np.mean(steps ** use["distance"]["power"]) ** (1 / use["distance"]["power"]))


def test_the_file_and_its_description_give_the_scores_of_the_run(exported: Path) -> None:
    use = json.loads((exported / "portable" / "network.json").read_text())
    session = onnxruntime.InferenceSession(exported / "portable" / "network.onnx")
    metric = deepaq.load(exported / "run")
    assert use["sample_rate"] == metric.rate
    assert use["fingerprint"] == metric.fingerprint
    sounds = pair(metric.rate, use["channels"] == 2)
    outputs = [session.run(None, {"samples": channels(use, sound)}) for sound in sounds]
    level = use["channels"] != 2  # MERT ignores level; here no gain is removed
    score = metric.score(*sounds, sample_rate=metric.rate, match_level=level)
    assert distance(use, *(points[0] for points, _ in outputs)) == pytest.approx(score.distance, abs=1e-4)
    clean = metric.references([sounds[0]], metric.rate)
    unmatched = metric.score(sounds[1], references=clean, sample_rate=metric.rate)
    assert float(np.linalg.norm(outputs[1][1] - outputs[0][1])) == pytest.approx(unmatched.distance, abs=1e-4)
    curve = use["mapping"]["full"]
    assert score.mos == pytest.approx(
        1 + (curve["top"] - 1) * np.exp(-curve["scale"] * score.distance ** curve["power"])
    )


def test_what_cannot_be_exported_is_refused(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not empty"):
        export(exported / "run", exported / "portable")
    shutil.copytree(exported / "run", tmp_path / "run")
    (tmp_path / "run" / "SHA256SUMS").unlink()
    with pytest.raises(UserError, match="has no SHA256SUMS"):
        export(tmp_path / "run", tmp_path / "out")
    assert not (tmp_path / "out").exists()
