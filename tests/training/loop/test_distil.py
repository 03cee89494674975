"""An ensemble distilled into one network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from deepaq.backbones.backbone import build
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from deepaq.scoring.mapping import Exponential
from manifests.dataset import Dataset
from training import recipe
from training.data import decode, store, table
from training.data.cache import Cache, Form
from training.fit import Options, fit
from training.loop import distil
from training.loop.evaluate import ALONE
from training.results.folder import SETTINGS
from training.settings import Data

TOP = 4.732
SMALL = {"width": 8, "blocks": 1, "projected": 4}


@pytest.fixture(scope="module")
def filled(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> store.Store:
    dataset, network, folder = Dataset(labelled), build("compact", **SMALL), tmp_path_factory.mktemp("cache")
    rows, form = table.load(dataset, Data()), Form(network.sample_rate, network.channels)
    decode.fill(dataset, {form: rows}, folder, 1, quiet=True)
    return store.fill(network, rows, Cache.of(rows, form, folder), quiet=True)


def member(folder: Path, scale: float, **settings: int) -> str:
    """A run folder; scale: of its curve from distance to MOS, tiny for top marks always."""
    torch.manual_seed(3)
    curve = Exponential(TOP, scale, 1.0)
    checkpoint.save(folder, checkpoint.Checkpoint(build("compact", **settings).eval(), curve, curve))
    return str(folder)


def test_labels_to_train_on_move_half_way_to_the_ensemble_s_mean(filled: store.Store, tmp_path: Path) -> None:
    before = filled.table
    runs = [member(tmp_path / "kind", 1e-12, **SMALL), member(tmp_path / "harsh", 1e9, **SMALL)]  # 4.732 and 1
    found = distil.distilled(filled, distil.members(runs, build("compact", **SMALL)), ALONE)
    taught = ~before.valid & ~before.clean
    np.testing.assert_allclose(found.mos[taught], (before.mos[taught] + (TOP + 1) / 2) / 2)
    np.testing.assert_array_equal(found.mos[~taught], before.mos[~taught])
    np.testing.assert_array_equal(found.valid, before.valid)
    for row in np.flatnonzero(~before.clean).tolist():
        assert sum(found.mix[row].shares) == pytest.approx(1)
        assert found.mix[row].value == pytest.approx(found.mos[row])


def test_members_may_have_another_size_but_not_another_kind(filled: store.Store, tmp_path: Path) -> None:
    network = build("compact", **SMALL)
    larger = member(tmp_path / "larger", 0.1, width=12, blocks=2)
    assert np.isfinite(distil.distilled(filled, distil.members([larger], network), ALONE).mos).all()
    checkpoint.save(tmp_path / "other", checkpoint.Checkpoint(build("plain")))
    with pytest.raises(UserError, match="other: is a network plain; an ensemble for compact"):
        distil.members([str(tmp_path / "other")], network)
    checkpoint.save(tmp_path / "bare", checkpoint.Checkpoint(network))
    with pytest.raises(UserError, match="bare: has no mapping to MOS"):
        distil.members([str(tmp_path / "bare")], network)
    with pytest.raises(UserError, match="no such run folder"):
        distil.members([str(tmp_path / "nowhere")], network)


def test_fit_learns_from_an_ensemble(labelled: Path, tmp_path: Path) -> None:
    runs = [member(tmp_path / name, 0.1, **SMALL) for name in ("first", "second")]
    changed = [
        "max_steps=3",
        "data.segment_s=1",
        "data.versions=3",
        "data.clips=2",
        f"data.ensemble={json.dumps(runs)}",
    ]
    prints = []
    for name, overrides in (("distilled", changed), ("plain", changed[:-1])):
        fit(labelled, tmp_path / name, recipe.load("compact", overrides), Options(quiet=True))
        prints.append(checkpoint.load(tmp_path / name).info["data"]["fingerprint"])
    assert prints[0] != prints[1]  # of rows and labels
    assert json.loads((tmp_path / "distilled" / SETTINGS).read_text())["data"]["ensemble"] == runs
