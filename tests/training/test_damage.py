"""Damaged files, dry runs, and everything that is refused before anything starts."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from deepaq.errors import UserError
from manifests.dataset import Dataset
from training import recipe
from training.cli import main
from training.data.table import load
from training.fit import Options, fit
from training.loop import log
from training.results import folder, heldout
from training.settings import Data

SMALL = ["backbone.width=16", "backbone.blocks=1", "data.segment_s=1.0", "data.clips=2", "data.versions=4",
         "max_steps=2", "epoch_steps=1", "run.save_steps=1"]  # fmt: skip


@pytest.fixture
def harmed(labelled: Path, tmp_path: Path) -> tuple[Path, str, str]:
    """A data set in which one degraded training file is damaged and one clean training file is missing."""
    data = shutil.copytree(labelled, tmp_path / "data")
    rows = load(Dataset(data), Data())
    training = np.flatnonzero(~rows.valid)
    degraded = str(rows.path[training[~rows.clean[training]][0]])
    clean = str(rows.path[training[rows.clean[training]][-1]])
    (data / degraded).write_bytes(b"damaged")
    (data / clean).unlink()
    return data, degraded, clean


def test_damaged_files_are_left_out_and_listed_and_nothing_else_is_lost(
    harmed: tuple[Path, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, degraded, clean = harmed
    settings = recipe.load("compact", [*SMALL, "data.damaged_share=0.05"])
    options = Options(cache=tmp_path / "cache", quiet=True)
    assert fit(data, tmp_path / "run", settings, options)["skipped"] == 2
    listed = folder.skipped(tmp_path / "run")
    assert set(listed) == {degraded, clean}
    assert "differs from its checksum" in listed[degraded]
    assert "is missing" in listed[clean]
    assert "2 damaged files were left out" in capsys.readouterr().err
    model = json.loads((tmp_path / "run" / "model.json").read_text())
    assert (model["info"]["data"]["clips"], model["info"]["data"]["rows"]) == (4, 4 * 7 - 1)
    again = fit(data, tmp_path / "run", settings, options)  # finished: the rows asked for are the same
    assert again["skipped"] == 2


def test_a_resumed_run_leaves_out_what_it_left_out_before(
    harmed: tuple[Path, str, str], labelled: Path, tmp_path: Path
) -> None:
    data, degraded, _ = harmed
    settings = recipe.load("compact", [*SMALL, "data.damaged_share=0.05"])
    options = Options(cache=tmp_path / "cache", quiet=True)
    fit(data, tmp_path / "run", settings, options)
    whole = log.read(tmp_path / "run" / log.STEPS)
    shutil.copyfile(labelled / degraded, data / degraded)  # repaired in between
    for name in ("SHA256SUMS", "state/00000002"):
        path = tmp_path / "run" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert fit(data, tmp_path / "run", settings, options)["steps"] == 2
    assert [row["loss"] for row in log.read(tmp_path / "run" / log.STEPS)] == [row["loss"] for row in whole]
    assert len(folder.skipped(tmp_path / "run")) == 2


def test_more_damage_than_allowed_is_refused(harmed: tuple[Path, str, str], tmp_path: Path) -> None:
    settings = recipe.load("compact", SMALL)  # 1 %: none of 56
    with pytest.raises(UserError, match=r"2 files of .*data cannot be used; data.damaged_share=0.01 are allowed"):
        fit(harmed[0], tmp_path / "run", settings, Options(cache=tmp_path / "cache", quiet=True))
    assert not (tmp_path / "run").exists()


def test_a_dry_run_predicts_and_writes_nothing(labelled: Path, tmp_path: Path) -> None:
    arguments = ["fit", str(labelled), "--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache"), "--dry-run"]
    for override in SMALL:
        arguments += ["-o", override]
    done = CliRunner().invoke(main, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["schedule"] == {"steps": 2, "epoch_steps": 1, "pass_steps": 2, "first_drop": None}
    assert found["training"] == {"tracks": 5, "clips": 5, "files": 35}
    assert found["seconds"] > 0
    assert not list(tmp_path.iterdir())
    fit(labelled, tmp_path / "run", recipe.load("compact", SMALL), Options(cache=tmp_path / "cache", quiet=True))
    used = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*.pcm"))
    assert found["cache_missing_bytes"] == sum(found["cache_bytes"].values()) == used
    text = CliRunner().invoke(main, [*arguments[:3], str(tmp_path / "other"), *arguments[4:]]).stdout
    assert "5 tracks, 5 clips, 35 files" in text
    assert "0.00 GB of it to be made" in text


def test_processes_that_cannot_share_a_batch_are_refused_first(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(UserError, match=r"a batch of 8 segments cannot be shared evenly by 3 processes"):
        fit(labelled, tmp_path / "run", recipe.load("compact", SMALL), Options(quiet=True))
    assert not list(tmp_path.iterdir())


def test_weights_that_are_missing_are_refused_before_any_table_is_read(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.data.table.load", lambda *_: pytest.fail("a table was read"))
    settings = recipe.load("deepaq", [f"backbone.init={tmp_path / 'nowhere'}"])
    with pytest.raises(UserError, match="nowhere"):
        fit(labelled, tmp_path / "run", settings, Options(quiet=True))


def test_a_disk_without_room_is_refused_before_any_table_is_joined(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**6, 10**6))
    monkeypatch.setattr("training.data.table.load", lambda *_: pytest.fail("a table was read"))
    options = Options(cache=tmp_path / "cache", quiet=True)
    with pytest.raises(UserError, match=r"decoded audio and fronts would take 0.02 GB, 0.00 GB are free"):
        fit(labelled, tmp_path / "run", recipe.load("compact", SMALL), options)


def test_the_rows_that_are_reported_come_with_the_distances_of_every_system(labelled: Path, tmp_path: Path) -> None:
    fit(labelled, tmp_path, recipe.load("compact", SMALL), Options(cache=tmp_path / "cache", quiet=True))
    found = heldout.read(tmp_path)
    assert found is not None
    assert len(found.mos) == 18
    systems = ("trained", "untrained", "log-mel", "log-erb")
    assert set(found.distances) == {f"{name} {mode}" for name in systems for mode in ("full", "unmatched")}
    assert all(np.isfinite(values).all() for values in found.distances.values())
