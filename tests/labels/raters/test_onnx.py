"""Networks that the user has as ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from deepaq.errors import UserError
from labels.raters.rater import rater
from tests.labels.raters import networks
from tests.sounds import music

RATE = 16_000


def sound(seconds: float, seed: int) -> np.ndarray:
    return music(seconds, seed, RATE).mean(axis=1)


def test_a_network_of_scoreq_s_architecture_gives_the_distance_of_its_embeddings(tmp_path: Path) -> None:
    network = networks.encoder(tmp_path / "scoreq.onnx")
    judge = rater("onnx+scoreq", model=str(tmp_path / "scoreq.onnx"), gives="embedding", multiple="320")
    reference, degraded = sound(1.3, 1), sound(1.3, 2)
    found = judge.judge(reference)(degraded).value
    filled = [torch.from_numpy(np.pad(part, (0, -len(part) % 320)))[None] for part in (reference, degraded)]
    with torch.inference_mode():
        expected = torch.linalg.vector_norm(network(filled[0]) - network(filled[1]))
    assert found == pytest.approx(float(expected), rel=1e-4)
    assert judge.judge(reference)(reference).value == pytest.approx(0, abs=1e-6)
    assert (judge.identity, judge.higher_is_better) == (0.0, False)
    assert len(judge.tools()["model_sha256"]) == 64


def test_a_network_of_one_waveform_hears_the_degraded_version_alone(tmp_path: Path) -> None:
    judge = rater("onnx", model=str(networks.loudness(tmp_path / "loudness.onnx")), rate="8000")
    reference, degraded = sound(1, 1), sound(1, 2)
    assert judge.judge(reference)(degraded).value == pytest.approx(float(np.mean(degraded**2)), rel=1e-4)
    assert (judge.sample_rate, judge.identity, judge.higher_is_better) == (8_000, None, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ""}, "needs a network; give --option model=FILE"),
        ({"model": "nowhere.onnx"}, "nowhere.onnx: no such file"),
        ({"model": __file__}, "test_onnx.py: is not an ONNX network"),
        ({"gives": "money"}, "gives=money: score, distance or embedding"),
        ({"rate": "fast"}, "rate=fast: a whole number"),
        ({"multiple": "0"}, "multiple=0: a whole number, at least 1"),
        ({"gives": "embedding"}, "takes 2 inputs"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, options: dict[str, str], message: str) -> None:
    options = {"model": str(networks.difference(tmp_path / "difference.onnx"))} | options
    with pytest.raises(UserError, match=message):
        rater("onnx", **options).judge(sound(1, 1))


def test_an_embedding_is_not_taken_for_a_number(tmp_path: Path) -> None:
    networks.encoder(tmp_path / "scoreq.onnx")
    judge = rater("onnx", model=str(tmp_path / "scoreq.onnx"))
    with pytest.raises(UserError, match=r"gives \(1, 16\), not one number; an embedding needs gives=embedding"):
        judge.judge(sound(1, 1))(sound(1, 2))
