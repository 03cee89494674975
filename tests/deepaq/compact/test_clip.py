"""The judge without a reference: equal to the head of the compact network, fed with the music that it carries along."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import deepaq
from deepaq.backbones.compact import Compact
from deepaq.cli import main
from deepaq.compact import network
from deepaq.compact.clip import Clip
from deepaq.errors import UserError
from deepaq.scoring.metric import CLIPS, Metric
from tests.sounds import music, write
from training import clip as maker

RATE = 48_000


@pytest.fixture(scope="module")
def metric() -> Metric:
    return deepaq.load()


@pytest.fixture(scope="module")
def earlier() -> Metric:
    return deepaq.load("compact-2026a")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.25, 3.0), st.sampled_from([1e-5, 1e-3, 0.1, 1.0]))
def test_a_description_is_that_of_the_network(seed: int, seconds: float, level: float) -> None:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE)).cumsum().astype(np.float32)
    samples *= level / np.abs(samples).max()
    ours = network.describe(network.of_clip(samples[None]))[0]
    with torch.inference_mode():
        theirs = Compact().describe(Compact().front(torch.from_numpy(samples)[None]))[0].numpy()
    assert np.allclose(ours, theirs, atol=2e-4)


def test_scores_are_those_of_the_network_that_the_head_was_cut_from(metric: Metric, earlier: Metric) -> None:
    clean = [music(1.0, seed) for seed in range(3)]
    ours, theirs = (each.references(clean, 44_100) for each in (metric, earlier))
    assert np.allclose(ours.centre, theirs.centre, atol=1e-5)
    for seed in range(3, 8):
        mine, other = (each.score(music(2.0, seed), references=ours, sample_rate=44_100) for each in (metric, earlier))
        assert mine.mos == pytest.approx(other.mos, abs=1e-5)


def test_clean_music_scores_better_than_the_same_at_a_low_bitrate(metric: Metric) -> None:
    clean = metric.clean
    assert clean.count >= 20
    whole = music(4.0, 3)
    dull = np.repeat(whole[::8], 8, axis=0)[: len(whole)]
    found = [metric.score(samples, references=clean, sample_rate=44_100).mos for samples in (whole, dull)]
    assert found[0] > found[1] + 0.3


def test_the_command_scores_without_a_reference(tmp_path: Path) -> None:
    paths = [str(write(tmp_path / f"{seed}.wav", music(1.0, seed))) for seed in range(2)]
    done = CliRunner().invoke(main, ["score", "--no-reference", *paths, "--json"])
    rows = json.loads(done.stdout.splitlines()[-1])
    assert [(row["reference"], row["degraded"]) for row in rows] == [(None, path) for path in paths]
    expected = deepaq.load().score(paths[0], references=deepaq.load().clean)
    assert rows[0]["mos"] == pytest.approx(expected.mos)
    assert rows[0]["lag_samples"] is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--against", "x"], "--no-reference: replaces --against and --pairs"),
        (["--pairs", "x"], "--no-reference: replaces --against and --pairs"),
        (["--references", "3"], "--references: sets the number of files of --against"),
        (["--keep-level"], "a level is known only with the file's own reference"),
        (["--min-mos", "4.9"], "this model rates nothing higher"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], says: str) -> None:
    done = CliRunner().invoke(main, ["score", "--no-reference", "a.wav", *options])
    assert done.exit_code == 2
    assert says in done.stderr


def test_silence_and_a_model_without_clean_music_are_one_line(tmp_path: Path, earlier: Metric) -> None:
    path = write(tmp_path / "a.wav", np.zeros((48_000, 2), np.float32))
    done = CliRunner().invoke(main, ["score", "--no-reference", str(path)])
    assert (done.exit_code, done.stderr) == (1, f"error: {path}: is silent\n")
    with pytest.raises(UserError, match="this model carries no clean music"):
        earlier.clean  # noqa: B018
    with pytest.raises(UserError, match="compares no pairs"):
        deepaq.load(CLIPS).score(music(1.0, 1), music(1.0, 1), sample_rate=44_100)


def test_the_script_makes_the_model_again(tmp_path: Path, earlier: Metric) -> None:
    for name in ("ours", "theirs"):
        write(tmp_path / "music" / f"{name}.wav", music(1.0, len(name)))
    (tmp_path / "music" / "music.csv").write_text("file,licence\nours.wav,CC0-1.0\ntheirs.wav,CC-BY-SA-4.0\n")
    maker.make(earlier, maker.allowed(tmp_path / "music"), "one", tmp_path / "made")
    made, packaged = deepaq.load(tmp_path / "made"), deepaq.load(CLIPS)
    assert (made.clean.count, made.clean.music) == (1, "one")
    assert made.fingerprint == packaged.fingerprint
    assert (tmp_path / "made" / "model.safetensors").stat().st_mode & 0o044


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("clean", {"centre": [1.0, None], "count": 3, "music": ""}),
        ("clean", {"centre": [0.0] * 16, "count": 0, "music": ""}),
        ("clean", {"centre": [0.0] * 3, "count": 3, "music": ""}),
        ("clean", []),
        ("settings", {"dims": 10**9}),
        ("settings", {"dims": 8}),
        ("settings", {"size": 8}),
    ],
)
def test_a_model_with_impossible_values_is_refused(tmp_path: Path, field: str, value: object) -> None:
    for name in ("model.json", "model.safetensors"):
        shutil.copy(CLIPS / name, tmp_path / name)
    content = json.loads((CLIPS / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(content | {field: value}))
    with pytest.raises(UserError, match="model"):
        deepaq.load(tmp_path)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    head = Clip()
    head.restore(CLIPS)
    head.tensors["mean"] = np.full_like(head.tensors["mean"], np.nan)
    head.save(tmp_path)
    with pytest.raises(UserError, match="holds NaN or infinite weights"):
        Clip().restore(tmp_path)
