"""Runs as ONNX files: equal to the network, in Python, JavaScript and C++, and described well enough to use them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
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
from tests.conftest import ROOT
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


def code(kind: str) -> str:
    """The block of that kind on the page."""
    page = (ROOT / "docs" / "other-languages.md").read_text()
    (block,) = re.findall(rf"```{re.escape(kind)}\n(.*?)```", page, re.DOTALL)
    return str(block)


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


def test_the_javascript_of_the_page_gives_the_same(exported: Path, tmp_path: Path) -> None:
    modules = os.environ.get("NODE_PATH", "")
    if shutil.which("node") is None or not (Path(modules) / "onnxruntime-web").is_dir():
        pytest.skip("needs node, and NODE_PATH with `npm install onnxruntime-web`")
    use = json.loads((exported / "portable" / "network.json").read_text())
    shutil.copytree(exported / "portable", tmp_path / "portable")
    (tmp_path / "node_modules").symlink_to(modules)
    sounds = [channels(use, sound) for sound in pair(use["sample_rate"], use["channels"] == 2)]
    for name, samples in zip(("clean", "coded"), sounds, strict=True):
        samples.astype("<f4").tofile(tmp_path / name)
    (tmp_path / "score.mjs").write_text(code("javascript file=score.mjs"))
    (tmp_path / "main.mjs").write_text(
        'import { readFileSync } from "node:fs";\nimport { distance, mos } from "./score.mjs";\n'
        "const read = (name) => {\n  const whole = new Float32Array(new Uint8Array(readFileSync(name)).buffer);\n"
        f"  const frames = whole.length / {use['channels']};\n"
        f"  return Array.from({{ length: {use['channels']} }}, (_, i) => whole.slice(i * frames, (i + 1) * frames));\n}};\n"  # noqa: E501
        'const d = await distance(read("clean"), read("coded"));\nconsole.log(JSON.stringify([d, mos(d)]));\n'
    )
    done = subprocess.run(["node", "main.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    session = onnxruntime.InferenceSession(exported / "portable" / "network.onnx")
    expected = distance(use, *(session.run(["points"], {"samples": samples})[0][0] for samples in sounds))
    assert found[0] == pytest.approx(expected, abs=1e-4)
    assert 1 <= found[1] <= 4.7


def test_the_cpp_of_the_page_gives_the_same(tmp_path: Path) -> None:
    """The headers come from CPATH, the library from the Python package."""
    (tmp_path / "score.cpp").write_text(code("cpp file=score.cpp"))
    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (tmp_path / name).symlink_to(library)
    build = ["g++", "-std=c++17", "score.cpp", "-L.", "-lonnxruntime", "-Wl,-rpath,$ORIGIN", "-o", "score"]
    header = ["g++", "-E", "-include", "onnxruntime_cxx_api.h", "-xc++", os.devnull]
    if shutil.which("g++") is None or subprocess.run(header, capture_output=True, check=False).returncode:
        pytest.skip("needs g++, and CPATH with the headers of libonnxruntime-dev")
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    export(Path("compact-2026a"), tmp_path / "portable")
    use = json.loads((tmp_path / "portable" / "network.json").read_text())
    sounds = [channels(use, sound) for sound in pair(use["sample_rate"], True)]
    for name, samples in zip(("clean", "coded"), sounds, strict=True):
        samples.astype("<f4").tofile(tmp_path / name)
    done = subprocess.run(["./score", "clean", "coded"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    session = onnxruntime.InferenceSession(tmp_path / "portable" / "network.onnx")
    d = distance(use, *(session.run(["points"], {"samples": samples})[0][0] for samples in sounds))
    curve = use["mapping"]["full"]
    mos = 1 + (curve["top"] - 1) * np.exp(-curve["scale"] * d ** curve["power"])
    assert [float(word) for word in done.stdout.split()] == pytest.approx([d, mos], abs=1e-4)


def test_what_cannot_be_exported_is_refused(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not empty"):
        export(exported / "run", exported / "portable")
    shutil.copytree(exported / "run", tmp_path / "run")
    (tmp_path / "run" / "SHA256SUMS").unlink()
    with pytest.raises(UserError, match="has no SHA256SUMS"):
        export(tmp_path / "run", tmp_path / "out")
    assert not (tmp_path / "out").exists()
