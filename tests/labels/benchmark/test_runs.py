"""`labels benchmark --runs`: trained runs against listeners in one command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from deepaq.backbones.backbone import build
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.mapping import Exponential
from deepaq.scoring.metric import load
from labels.cli import main
from manifests import schema
from manifests.dataset import Dataset
from tests.labels.benchmark.benchmarks import listening_test
from tests.sounds import music, write


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    listening_test(folder, "test", 1, items=2)
    for seed, name in enumerate(("with-curve", "distance-only")):
        torch.manual_seed(seed)
        network = build("compact", width=8, blocks=1, projected=4)
        curve = Exponential(4.7, 0.3, 0.8) if name == "with-curve" else None
        checkpoint.save(folder / name, Checkpoint(network.eval(), curve, curve))
    write(folder / "clean" / "a.wav", music(2, 9))
    return folder


def run(made: Path, *options: str) -> tuple[int, str]:
    command = ["benchmark", str(made / "test"), "--out", str(made / "report"), "--jobs", "1", "--quiet", *options]
    done = CliRunner().invoke(main, command)
    return done.exit_code, done.output


def test_every_run_is_judged_by_the_mos_of_its_own_mapping(made: Path) -> None:
    runs = f"{made / 'with-curve'},{made / 'distance-only'}"
    code, output = run(made, "--raters", "lsd", "--runs", runs, "--references", str(made / "clean"))
    assert code == 0, output
    report = json.loads((made / "report" / "report.json").read_text())
    scales = {rater["name"]: rater["scale"] for rater in report["raters"]}
    assert list(scales) == [
        "lsd",
        "deepaq-fr+with-curve",
        "deepaq-nmr+with-curve",
        "deepaq-fr+distance-only",
        "deepaq-nmr+distance-only",
    ]
    assert scales["deepaq-fr+with-curve"] == scales["deepaq-nmr+with-curve"] == "MOS"
    assert scales["deepaq-fr+distance-only"] == "DeePAQ distance"
    dataset = Dataset(made / "test")
    row = dataset.labels("deepaq-fr+with-curve").to_pylist()[0]
    pair = next(p for p in dataset.degraded().to_pylist() if p["degraded_id"] == row["degraded_id"])
    clean = next(r for r in dataset.references().to_pylist() if r["reference_id"] == pair["reference_id"])
    files = (dataset.root / clean["path"], dataset.root / pair["path"])
    assert row["value"] == pytest.approx(load(made / "with-curve").score(*files).mos, abs=1e-3)
    assert row["status"] == schema.OK


def test_the_device_is_no_other_setting(made: Path) -> None:
    """Labels made on one device are continued on another."""
    assert run(made, "--runs", str(made / "with-curve"), "--device", "auto")[0] == 0
    assert run(made, "--runs", str(made / "with-curve"))[0] == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "name raters by --raters, or run folders by --runs"),
        (("--raters", "lsd", "--references", "clean"), "--references: judges --runs"),
        (("--runs", "nowhere"), "nowhere: no such run folder"),
        (("--runs", "{made}/with-curve,{made}/clean/../with-curve"), "have the same name; rename one"),
    ],
)
def test_wrong_use_is_one_line(made: Path, options: tuple[str, ...], says: str) -> None:
    code, output = run(made, *(option.format(made=made) for option in options))
    assert code == 2
    assert says in output
    assert len(output.strip().splitlines()) == 1
