"""Runs for others: comparison, card, checksums, export."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from scipy.stats import t

import deepaq
from deepaq.errors import UserError
from tests.training.test_recipe import TINY
from training import recipe
from training.cli import main
from training.fit import Options, fit
from training.results import folder
from training.results.compare import compare, estimate
from training.results.export import export, push

SMALL = ["backbone.width=16", "backbone.blocks=1", "data.segment_s=1.0", "data.clips=2", "data.versions=4",
         "max_steps=2", "epoch_steps=2"]  # fmt: skip


@pytest.fixture(scope="module")
def runs(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of a small network, two of which differ in the seed, and one of a shrunken MERT with LoRA."""
    place = tmp_path_factory.mktemp("runs")
    options = Options(cache=place / "cache", quiet=True)
    for name, overrides in (("a0", []), ("a1", ["seed=1"]), ("b0", ["full.bitrate=0.0"])):
        fit(labelled, place / name, recipe.load("compact", [*SMALL, *overrides]), options)
    shrunken = ["backbone.init=random", "data.segment_s=1.0", "data.clips=2", "max_steps=2", "data.versions=4"]
    shrunken += [f"backbone.config.{key}={value}" for key, value in TINY.items()]
    fit(labelled, place / "mert", recipe.load("deepaq", shrunken), options)
    return place


def test_seeds_become_one_row_with_an_interval(runs: Path) -> None:
    rows = compare([runs / name for name in ("a0", "a1", "b0")])
    names = [row["name"] for row in rows]
    assert names == [
        "compact (full.bitrate=0.05)",
        "compact (full.bitrate=0.0)",
        "untrained compact",
        "log-mel",
        "log-erb",
    ]
    assert [row["seeds"] for row in rows[:2]] == [[0, 1], [0]]
    found = [json.loads((runs / name / "metrics.json").read_text())["validation"]["trained"] for name in ("a0", "a1")]
    values = [entry["unmatched"]["codecs"]["srcc"] for entry in found]
    cell = rows[0]["unmatched codecs srcc"]
    assert cell.mean == pytest.approx(np.mean(values))
    assert cell.half_width == pytest.approx(t.ppf(0.975, 1) * np.std(values, ddof=1) / np.sqrt(2))
    assert rows[1]["unmatched codecs srcc"].half_width is None


def test_compare_prints_tables_and_json(runs: Path) -> None:
    arguments = ["compare", *(str(runs / name) for name in ("a0", "a1"))]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert "FR all srcc" in lines[0]
    assert lines[1].startswith("compact ")
    assert "±" in lines[1]
    rows = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout.splitlines()[-1])
    assert rows[0]["full all srcc"]["seeds"] == 2
    missing = CliRunner().invoke(main, ["compare", str(runs / "nowhere")])
    assert (missing.exit_code, "is not a finished run" in missing.stderr) == (2, True)


def test_an_estimate_of_known_values() -> None:
    """Student's t of 2 degrees of freedom is 4.3027 at 97.5 %."""
    found = estimate([1.0, 2.0, 3.0])
    assert (found.mean, found.half_width) == (2.0, pytest.approx(4.3027 / np.sqrt(3), rel=1e-4))
    assert str(estimate([0.5])) == "0.500"


def test_the_card_says_what_it_is_and_whose(runs: Path) -> None:
    text = (runs / "a0" / "README.md").read_text()
    assert "license: apache-2.0" in text
    assert "| trained |" in text
    assert "visqol (weight 1)" in text
    assert "license: cc-by-nc-4.0" in (runs / "mert" / "README.md").read_text()
    assert "random weights" in (runs / "mert" / "README.md").read_text()


def test_checksums_are_those_of_sha256sum(runs: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", folder.CHECKSUMS], cwd=runs / "a0", check=True)
    listed = {line.split("  ")[1] for line in (runs / "a0" / folder.CHECKSUMS).read_text().splitlines()}
    assert {"model.json", "model.safetensors", "settings.json", "metrics.json", "README.md"} <= listed
    assert not any(name.startswith(("state", "tensorboard")) for name in listed)


def test_an_export_scores_alike_and_leaves_private_parts_out(runs: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["export", str(runs / "a0"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in folder.files(runs / "a0")}
    samples = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (1, 48_000)).astype(np.float32))
    assert torch.equal(*(deepaq.load(run).embed(samples) for run in (runs / "a0", tmp_path / "out")))
    with pytest.raises(UserError, match="is not empty"):
        export(runs / "a0", tmp_path / "out")
    alone = CliRunner().invoke(main, ["export", str(runs / "a0"), "--out", str(tmp_path / "other"), "--public"])
    assert (alone.exit_code, alone.stderr.count("add --push"), (tmp_path / "other").exists()) == (2, 1, False)


def test_a_merged_export_stands_alone(runs: Path, tmp_path: Path) -> None:
    before = deepaq.load(runs / "mert")
    for name, parameter in before.backbone.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    before.backbone.save(runs / "mert")
    folder.write_checksums(runs / "mert")
    export(runs / "mert", tmp_path / "out", merge=True)
    assert not (tmp_path / "out" / "adapter_model.safetensors").exists()
    after = deepaq.load(tmp_path / "out")
    counts = after.backbone.parameter_counts()
    assert counts["lora"] == 0
    samples = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (2, 48_000)).astype(np.float32))
    torch.testing.assert_close(after.embed(samples), before.embed(samples), atol=1e-5, rtol=1e-4)
    subprocess.run(["sha256sum", "--check", "--quiet", folder.CHECKSUMS], cwd=tmp_path / "out", check=True)


@pytest.mark.parametrize("harm", ["changed", "missing", "unlisted"])
def test_a_damaged_run_is_not_exported(runs: Path, tmp_path: Path, harm: str) -> None:
    run = tmp_path / "run"
    export(runs / "a0", run)
    if harm == "changed":
        (run / "settings.json").write_text("{}")
    elif harm == "missing":
        (run / "labels.png").unlink()
    else:
        (run / folder.CHECKSUMS).unlink()
    with pytest.raises(UserError, match=r"differs from its checksum|is missing|has no SHA256SUMS"):
        export(run, tmp_path / "out")


def test_without_a_hub_the_error_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"nobody/metric: cannot be uploaded \(.*log in"):
        push(tmp_path, "nobody/metric")


def test_recipes_are_listed_with_their_purpose() -> None:
    done: Any = CliRunner().invoke(main, ["recipes", "--json"])
    found = json.loads(done.stdout)
    assert set(found) == set(recipe.names())
    assert all(10 < len(purpose) < 200 for purpose in found.values())
