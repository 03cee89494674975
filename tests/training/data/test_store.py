"""Fronts in memory and in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from deepaq.backbones.backbone import build
from manifests.dataset import Dataset
from training.data import decode, store, table
from training.data.cache import Cache, Form
from training.settings import Data


@pytest.fixture(scope="module")
def filled(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[table.Table, Cache]:
    rows = table.load(Dataset(labelled), Data())
    rows = rows.take(np.flatnonzero(rows.clip == rows.clip[0]))
    folder, form = tmp_path_factory.mktemp("cache"), Form(48_000, 2)
    decode.fill(Dataset(labelled), {form: rows}, folder, 1, quiet=True)
    return rows, Cache.of(rows, form, folder)


def test_fronts_beyond_a_size_lie_in_a_file_that_nobody_sees(filled: tuple[table.Table, Cache]) -> None:
    rows, cache = filled
    network = build("compact", width=8, blocks=1)
    before = set(cache.folder.rglob("*"))
    held, filed = (store.fill(network, rows, cache, quiet=True, in_memory=size) for size in (10**9, 1000))
    assert set(cache.folder.rglob("*")) == before
    size = 0
    for row in range(len(rows)):
        assert torch.equal(held.whole(row), filed.whole(row))
        assert torch.equal(held.cut(row, 7, 20), filed.cut(row, 7, 20))
        size += held.whole(row).nbytes
    # A window does not fit at the end of a clip, so that a few items fewer than 50 per second are there.
    assert size == pytest.approx(store.front_bytes(network, float(rows.seconds.sum())), rel=0.03)
    assert held.part(rows.clean).items(0) == filed.part(rows.clean).items(0) > 20


def test_sizes_are_known_before_anything_is_computed() -> None:
    compact, mert = build("compact"), build("mert", init="random", config={"num_hidden_layers": 1})
    assert store.front_bytes(compact, 10.0) == 500 * 312 * 4
    assert store.described_bytes(compact, 7) == 7 * 984 * 4
    assert store.front_bytes(mert, 10.0) == store.described_bytes(mert, 7) == 0
    most_s = store.IN_MEMORY / 62_400
    assert store.disk_bytes(compact, 0.9 * most_s) == 0
    assert store.disk_bytes(compact, 1.1 * most_s) == store.front_bytes(compact, 1.1 * most_s)
