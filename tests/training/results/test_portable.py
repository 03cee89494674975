"""The packaged metric as an ONNX file: equal to `deepaq.load()`, in Python, JavaScript and C++."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import deepaq
from deepaq.audio import Samples, to_mid_side
from deepaq.scoring.score import Score
from tests.pages import blocks
from tests.sounds import music
from training.results.onnx import export

onnxruntime = pytest.importorskip("onnxruntime")
RATE = 48_000
Outputs = dict[str, Samples]
Run = Callable[..., Outputs]


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(Path("packaged"), tmp_path_factory.mktemp("core") / "portable")


@pytest.fixture(scope="module")
def run(portable: Path) -> Run:
    """The file as a function of two signals of (frames, channels) and, if known, gains."""
    session = onnxruntime.InferenceSession(portable / "core.onnx")
    names = [output.name for output in session.get_outputs()]

    def call(reference: Samples, degraded: Samples, gains: Samples | None = None) -> Outputs:
        given = {"reference": to_mid_side(reference).T[None], "degraded": to_mid_side(degraded).T[None]}
        gains = np.zeros((1, 2), np.float32) if gains is None else gains
        return dict(zip(names, session.run(None, given | {"gains": gains}), strict=True))

    return call


def noisy(clean: Samples, loudness: float = 0.01) -> Samples:
    return clean + np.float32(loudness) * np.random.default_rng(0).standard_normal(clean.shape, np.float32)


def silenced(sound: Samples, start: float, end: float) -> Samples:
    sound = sound.copy()
    sound[round(start * RATE) : round(end * RATE)] = 0
    return sound


def score(reference: Samples, degraded: Samples, match_level: bool = True) -> Score:
    return deepaq.load().score(reference, degraded, sample_rate=RATE, match_level=match_level)


CLEAN = music(3, 1, RATE)
MONO = CLEAN.mean(axis=1, keepdims=True)
BURST = silenced(silenced(noisy(CLEAN), 0, 0.7), 2.2, 3)
PAIRS = {
    "stereo": (CLEAN, noisy(CLEAN)),
    "mono": (MONO, noisy(MONO)),
    "a lost image": (CLEAN, np.repeat(MONO, 2, axis=1)),
    "quiet": (0.003 * CLEAN, 0.003 * noisy(CLEAN)),
    "louder": (CLEAN, 3 * noisy(CLEAN)),
    "softer by a gain alone": (CLEAN, 0.2 * CLEAN),
    "identical": (CLEAN, CLEAN),
    "a drop-out": (CLEAN, silenced(CLEAN, 1, 1.5)),
    "a silent degraded signal": (CLEAN, 0 * CLEAN),
    "sound in a pause": (silenced(CLEAN, 1, 1.5), noisy(silenced(CLEAN, 1, 1.5))),
    "silence in both": (silenced(silenced(CLEAN, 0, 0.7), 2.2, 3), BURST),
    "constant offsets": (CLEAN + np.float32(0.01), noisy(CLEAN) - np.float32(0.02)),
    "an offset and silence": (silenced(CLEAN, 0, 1) + np.float32(0.01), silenced(noisy(CLEAN), 0, 1)),
    "the shortest": (CLEAN[: RATE // 4], noisy(CLEAN)[: RATE // 4]),
    "an odd length": (CLEAN[:100_003], noisy(CLEAN)[:100_003]),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_the_file_gives_the_score_of_the_metric(kind: str, run: Run) -> None:
    wanted, found = score(*PAIRS[kind]), run(*PAIRS[kind])
    assert found["mos"][0] == pytest.approx(wanted.mos, abs=2e-5)
    assert found["distance"][0] == pytest.approx(wanted.distance, abs=1e-4)
    assert 20 * np.log10(found["applied"][0, 0] / found["applied"][0, 1]) == pytest.approx(wanted.level_db, abs=1e-3)
    tracks = found["structure"] + found["level"] + found["image"]
    assert tracks == pytest.approx(found["steps"], abs=1e-5)


def test_a_batch_gives_what_its_pairs_give(portable: Path, run: Run) -> None:
    pairs = [PAIRS[kind] for kind in ("stereo", "louder", "a drop-out")]
    session = onnxruntime.InferenceSession(portable / "core.onnx")
    signals = [np.stack([to_mid_side(pair[place]).T for pair in pairs]) for place in (0, 1)]
    given = dict(zip(("reference", "degraded", "gains"), [*signals, np.zeros((3, 2), np.float32)], strict=True))
    assert session.run(["mos"], given)[0] == pytest.approx([run(*pair)["mos"][0] for pair in pairs], abs=1e-5)


def test_gains_let_a_level_count(run: Run) -> None:
    pair = CLEAN, 0.5 * noisy(CLEAN)
    applied = run(*pair)["applied"]
    found = run(*pair, np.repeat(applied[:, :1], 2, axis=1))
    assert found["mos"][0] == pytest.approx(score(*pair, match_level=False).mos, abs=1e-5)


def test_segments_of_a_longer_signal_make_its_score(run: Run, portable: Path) -> None:
    """The gains of the whole signal serve all segments; the last one is lengthened to 10 s, as the page says."""
    clean = music(14, 2, RATE)[: 13 * RATE]
    pair = clean, noisy(clean, 0.02)
    gains = run(*pair)["applied"]
    first, last = (run(*(signal[part] for signal in pair), gains) for part in (slice(10 * RATE), slice(3 * RATE, None)))
    squares = [np.square(steps).mean() for steps in (first["steps"][0], last["steps"][0, -round(249 * 0.3) :])]
    distance = float(np.sqrt(np.average(squares, weights=[10, 3])))
    assert distance == pytest.approx(score(*pair).distance, abs=1e-4)
    curve = json.loads((portable / "core.json").read_text())["mapping"]["full"]
    mos = 1 + (curve["top"] - 1) * np.exp(-curve["scale"] * distance ** curve["power"])
    assert mos == pytest.approx(score(*pair).mos, abs=1e-4)


def test_the_description_names_what_the_file_takes_and_gives(portable: Path) -> None:
    use, session = (
        json.loads((portable / "core.json").read_text()),
        onnxruntime.InferenceSession(portable / "core.onnx"),
    )
    assert list(use["inputs"]) == [each.name for each in session.get_inputs()]
    assert set(use["outputs"]) == {each.name for each in session.get_outputs()}
    assert (use["sample_rate"], use["segment_s"], use["shortest_s"]) == (RATE, 10, 0.25)
    assert use["fingerprint"] == deepaq.load().fingerprint


def code(language: str) -> str:
    """The file in that language on the page."""
    (block,) = (block for block in blocks("docs/other-languages.md") if block.language == language)
    return block.text


def test_the_javascript_of_the_page_gives_the_same(portable: Path, tmp_path: Path) -> None:
    modules = os.environ.get("NODE_PATH", "")
    if shutil.which("node") is None or not (Path(modules) / "onnxruntime-web").is_dir():
        pytest.skip("needs node, and NODE_PATH with `npm install onnxruntime-web`")
    (tmp_path / "portable").symlink_to(portable)
    (tmp_path / "node_modules").symlink_to(modules)
    for name, samples in zip(("clean", "coded"), PAIRS["louder"], strict=True):
        samples.T.astype("<f4").tofile(tmp_path / name)
    (tmp_path / "score.mjs").write_text(code("javascript"))
    (tmp_path / "main.mjs").write_text(
        'import { readFileSync } from "node:fs";\nimport { score } from "./score.mjs";\n'
        "const read = (name) => {\n  const whole = new Float32Array(new Uint8Array(readFileSync(name)).buffer);\n"
        "  return [whole.slice(0, whole.length / 2), whole.slice(whole.length / 2)];\n};\n"
        'console.log(JSON.stringify(await score(read("clean"), read("coded"))));\n'
    )
    done = subprocess.run(["node", "main.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wanted = score(*PAIRS["louder"])
    assert json.loads(done.stdout) == pytest.approx({"mos": wanted.mos, "distance": wanted.distance}, abs=1e-4)


def test_the_cpp_of_the_page_gives_the_same(portable: Path, tmp_path: Path) -> None:
    """The headers come from CPATH, the library from the Python package."""
    (tmp_path / "score.cpp").write_text(code("cpp"))
    (tmp_path / "portable").symlink_to(portable)
    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (tmp_path / name).symlink_to(library)
    build = ["g++", "-std=c++17", "score.cpp", "-L.", "-lonnxruntime", "-Wl,-rpath,$ORIGIN", "-o", "score"]
    header = ["g++", "-E", "-include", "onnxruntime_cxx_api.h", "-xc++", os.devnull]
    if shutil.which("g++") is None or subprocess.run(header, capture_output=True, check=False).returncode:
        pytest.skip("needs g++, and CPATH with the headers of libonnxruntime-dev")
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, samples in zip(("clean", "coded"), PAIRS["louder"], strict=True):
        to_mid_side(samples).T.astype("<f4").tofile(tmp_path / name)
    done = subprocess.run(["./score", "clean", "coded"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wanted = score(*PAIRS["louder"])
    assert [float(word) for word in done.stdout.split()] == pytest.approx([wanted.distance, wanted.mos], abs=1e-4)
