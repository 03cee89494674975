"""Threads and processes: the metric takes one thread, leaves torch's setting alone, and works after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import torch

import deepaq
from deepaq.backbones.threads import one_thread
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.metric import Metric
from tests.sounds import RATE, music

FORK = """
import multiprocessing
import torch
import deepaq
from tests.deepaq.scoring.test_metric import metric, noisy
from tests.deepaq.backbones.shrunken import TINY
from tests.sounds import RATE, music

torch.set_num_threads(4)
sound = music(2, 1)
mert = metric("mert", init="random", config=TINY, dims=8)
metrics = {"packaged": deepaq.load(), "compact": deepaq.load("compact-2026a"), "mert": mert}

def score(name):
    return metrics[name].score(sound, noisy(sound, 0.01), sample_rate=RATE).distance

torch.randn(1000, 1000) @ torch.randn(1000, 1000)  # starts torch's threads
for name in metrics:
    alone = score(name)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        together = pool.map_async(score, 3 * [name]).get(timeout=100)
    assert all(abs(other - alone) < 1e-4 * alone for other in together), (name, alone, together)
    print(name)
"""


def test_a_forked_worker_scores_with_the_metric_of_its_parent() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", FORK]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split() == ["packaged", "compact", "mert"], done.stderr


def test_scoring_uses_one_thread_and_restores_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    metric, sound, seen = Metric(Checkpoint(deepaq.load("compact-2026a").model.network)), music(1, 1), []
    embed = metric.backbone.embed_audio
    monkeypatch.setattr(
        metric.backbone, "embed_audio", lambda samples: (seen.append(torch.get_num_threads()), embed(samples))[1]
    )
    torch.set_num_threads(3)
    try:
        metric.score(sound, sound, sample_rate=RATE)
        assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: metric.score(sound, sound, sample_rate=RATE), range(6)))
            settings = list(pool.map(lambda _: torch.get_num_threads(), range(6)))
        assert torch.get_num_threads() == 3
        assert set(settings) == {3}
        assert set(seen) == {1}
    finally:
        torch.set_num_threads(before)


def test_blocks_of_one_thread_nest_and_end_with_an_error() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            with suppress(ValueError), one_thread():
                raise ValueError
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
