"""Golden values of the raters on two seconds of sound that the test makes itself, in a plain clone.

The values are those of each rater's reference implementation, called directly and not through ours. PEAQ, the 2f-model,
the consensus and DeePAQ have none beside ours: their values hold them where they are. (PEAQ's agreement with published
values is in test_peaq.) What FAD, ONNX networks and `deepaq-nmr` make of their weights is computed again here.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from deepaq.backbones.backbone import build
from deepaq.errors import UserError
from deepaq.scoring.metric import NAMED, load
from labels.raters.fad import Fad
from labels.raters.rater import RATERS, rater
from tests.labels.raters.golden import pair
from tests.labels.raters.networks import difference

OPTIONS = {"visqol-speech": {"mapping": "exponential"}, "deepaq-fr": {"model": "compact-2026a"}}
COMPUTED = {"lsd", "log-mel", "fad", "fad-clap", "onnx", "deepaq-nmr"}  # by the tests below
# name: (value, tolerance, source)
GOLDEN = {
    "visqol": (2.0287237457, 1e-5, "visqol-python, VisqolApi in audio mode"),
    "visqol-speech": (3.5206968783, 1e-5, "ours, whose engine agrees with visqol-python in visqol/test_engine.py"),
    "zimtohrli": (0.0058047177, 1e-7, "zimtohrli, mean of Pyohrli.distance over the channels"),
    "pesq": (2.2830100060, 1e-4, "pesq, wide band"),
    "stoi": (0.9360096961, 1e-6, "pystoi"),
    "haaqi": (0.4191391184, 1e-5, "pyclarity, compute_haaqi with seed 0 at 65 dB SPL"),
    "si-sdr": (26.3717031829, 1e-6, "equation 3 of Le Roux et al. in two lines"),
    "peaq": (-3.4182947374, 1e-5, "ours"),
    "2f": (30.4188895536, 1e-4, "ours"),
    "consensus": (-0.9031584345, 1e-4, "ours"),
    "deepaq-fr": (3.5487488119, 1e-3, "ours, compact-2026a"),
}


@pytest.mark.parametrize(
    ("rate", "channels", "checksum"),
    [(48_000, 1, "eee945ec63a77eb1"), (48_000, 2, "f5f4a51850cea025"), (16_000, 1, "2d486546ceb0ff13")],
)
def test_every_machine_makes_the_same_sound(rate: int, channels: int, checksum: str) -> None:
    reference, degraded = pair(rate, channels)
    assert reference.shape == ((2 * rate,) if channels == 1 else (2 * rate, 2))
    assert hashlib.sha256(reference.tobytes() + degraded.tobytes()).hexdigest()[:16] == checksum


@pytest.mark.parametrize("name", GOLDEN)
def test_a_rater_gives_its_golden_value(name: str) -> None:
    value, tolerance, source = GOLDEN[name]
    try:
        judge = rater(name, **OPTIONS.get(name, {}))
    except UserError as error:
        pytest.skip(str(error))
    reference, degraded = pair(judge.sample_rate, judge.channels)
    assert judge.judge(reference)(degraded).value == pytest.approx(value, abs=tolerance), source


def decibels(samples: np.ndarray, bank: np.ndarray | None = None) -> np.ndarray:
    """Power spectra in plain NumPy: Hann windows of 2048, 512 apart, a full-scale sine at 0 dB, floored at -100 dB."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    starts = range(0, len(samples) - 2047, 512)
    power = [np.abs(np.fft.rfft(samples[i : i + 2048] * window) * 2 / window.sum()) ** 2 for i in starts]
    return 10 * np.log10(np.maximum(np.array(power) @ (np.eye(1025) if bank is None else bank), 1e-10))


def mel_bank() -> np.ndarray:
    """128 triangles of height 1 up to 24 kHz on O'Shaughnessy's mel scale, one by one."""
    mel = [700 * (10 ** (m / 2595) - 1) for m in np.linspace(0, 2595 * np.log10(1 + 24_000 / 700), 130)]
    hertz = np.arange(1025) * 48_000 / 2048
    return np.stack([np.interp(hertz, mel[i : i + 3], (0, 1, 0), 0, 0) for i in range(128)], axis=1)


def test_the_plain_distances_are_those_of_a_few_plain_lines() -> None:
    reference, degraded = (samples.astype(np.float64) for samples in pair(48_000, 1))
    square = np.square(decibels(reference) - decibels(degraded))
    found = {name: rater(name).judge(pair(48_000, 1)[0])(pair(48_000, 1)[1]).value for name in ("lsd", "log-mel")}
    assert found["lsd"] == pytest.approx(np.sqrt(square.mean(axis=1)).mean(), abs=1e-3)
    bank = mel_bank()
    apart = np.abs(decibels(reference, bank) - decibels(degraded, bank)).mean()
    assert found["log-mel"] == pytest.approx(apart, abs=1e-3)


@pytest.mark.parametrize(("name", "options"), [("fad", {"layer": "6"}), ("fad-clap", {})])
def test_fad_is_the_distance_of_gaussians_by_a_matrix_square_root(name: str, options: dict[str, str]) -> None:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2), of embeddings by random weights.

    C1 = A'A of the centred points has the rank of the small A C2 A', which has the eigenvalues of C1 C2 that are not 0.
    """
    judge = rater(name, weights="random", **options)
    assert isinstance(judge, Fad)
    reference, degraded = pair(judge.sample_rate, judge.channels)
    first, second = (judge.embedding().frames(samples) for samples in (reference, degraded))
    c1, c2 = np.cov(first.T), np.cov(second.T)
    centred = (first - first.mean(axis=0)) / np.sqrt(len(first) - 1)
    shared = np.trace(sqrtm(centred @ c2 @ centred.T)).real
    expected = np.square(first.mean(axis=0) - second.mean(axis=0)).sum() + np.trace(c1) + np.trace(c2) - 2 * shared
    assert expected > 0
    assert judge.judge(reference)(degraded).value == pytest.approx(expected, rel=1e-3)


def test_without_its_reference_a_signal_is_as_far_from_clean_music_as_torch_computes() -> None:
    """The packaged clip head, without torch, against the compact network from which it was taken, in torch."""
    judge = rater("deepaq-nmr")
    reference, degraded = pair(judge.sample_rate, judge.channels)
    model = json.loads((NAMED["compact-2026a"] / "model.json").read_text())
    network = build(model["backbone"], **model["settings"]).eval()
    network.restore(NAMED["compact-2026a"])
    left, right = torch.from_numpy((degraded - degraded.mean(axis=0)).T)  # without its DC offset
    with torch.no_grad():
        point = network.embed_clip(network.describe(network.front(torch.stack([left + right, left - right])[None] / 2)))
    expected = np.linalg.norm(point[0].numpy() - load().clean.centre)
    assert judge.judge(reference)(degraded).value == pytest.approx(expected, rel=1e-3)


def test_an_onnx_network_gives_what_it_computes(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    judge = rater("onnx", model=str(difference(tmp_path / "difference.onnx")))
    reference, degraded = pair(judge.sample_rate, judge.channels)
    expected = -np.mean(np.square(reference.astype(np.float64) - degraded))
    assert judge.judge(reference)(degraded).value == pytest.approx(expected, rel=1e-4)


def test_no_rater_is_without_a_golden_value_unawares() -> None:
    assert {name for name in RATERS if name in RATERS.own} == set(GOLDEN) | COMPUTED
