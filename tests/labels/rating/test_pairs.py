"""Handling of a pair around its rating: alignment, extras, options kept with the labels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from deepaq.audio import read
from deepaq.backbones.backbone import build
from deepaq.errors import UserError
from deepaq.files import file_sha256
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from labels.cli import main
from labels.raters.logmel import LogMel
from labels.raters.rater import NETWORK, Rating, rater
from labels.rating.stage import Settings, plan, rate
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer, write_fragment
from prep.transcode import Settings as PrepSettings
from prep.transcode import transcode
from tests.labels.raters import networks
from tests.sounds import music, write

ONE = Settings(jobs=1, quiet=True)
LATE, EARLY, LONG = "1" * 24, "2" * 24, "3" * 24


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One clip of 2 s, coded once; beside it the same version 40 ms late and 6 dB louder, early, and with a tail."""
    folder = tmp_path_factory.mktemp("stage")
    write(folder / "music" / "a.wav", music(2, 3))
    data = folder / "data"
    transcode([folder / "music"], data, PrepSettings(("mp3",), (64,), clip_s=2, jobs=1, quiet=True))
    (row,) = Dataset(data).degraded().to_pylist()
    coded = read(data / row["path"])
    samples = coded.samples
    silence = np.zeros((round(0.04 * coded.sample_rate), 2), np.float32)
    made = {
        LATE: np.concatenate([silence, 2 * samples]),
        EARLY: samples[len(silence) :],
        LONG: np.concatenate([samples, silence]),
    }
    rows: list[dict[str, Any]] = []
    for degraded_id, changed in made.items():
        path = write(data / "audio" / f"{degraded_id}.wav", changed, coded.sample_rate, "FLOAT")
        rows.append(
            row
            | {"degraded_id": degraded_id, "path": f"audio/{path.name}", "sha256": file_sha256(path)}
            | {"bytes": path.stat().st_size}
        )
    write_fragment(data / "degraded", schema.DEGRADED, rows, {"schema_version": schema.SCHEMA_VERSION})
    return data


@pytest.fixture
def data(source: Path, tmp_path: Path) -> Path:
    shutil.copytree(source, tmp_path / "data")
    return tmp_path / "data"


def labels(data: Path, name: str) -> dict[str, tuple[float, dict[str, float]]]:
    rows = Dataset(data).labels(name, ["value", "extras"]).to_pylist()
    return {row["degraded_id"]: (row["value"], dict(row["extras"])) for row in rows}


def test_pairs_are_aligned_and_what_was_found_is_written_down(data: Path) -> None:
    assert rate(data, "log-mel", ONE)["labelled"] == 4
    found = labels(data, "log-mel")
    (plain_id,) = set(found) - {LATE, EARLY, LONG}
    plain, extras = found[plain_id]
    assert (extras["lag_samples"], extras["level_db"]) == (0, pytest.approx(0, abs=0.6))
    assert extras["common"] == pytest.approx(1, abs=0.02)
    assert found[LATE][1]["lag_samples"] == 0.04 * 48_000
    assert found[LATE][1]["level_db"] == pytest.approx(extras["level_db"] + 20 * np.log10(2), abs=0.01)
    assert found[EARLY][1]["lag_samples"] == -0.04 * 48_000
    assert found[LATE][1]["common"] == pytest.approx(2 / 2.04, abs=0.005)
    assert found[EARLY][0] == pytest.approx(plain, rel=0.1)
    assert found[LONG][0] == pytest.approx(plain, rel=0.02)
    assert found[LATE][0] > plain + 1  # the level is reported, not corrected


def test_a_rater_that_aligns_by_itself_hears_the_pair_as_it_is_and_options_are_never_mixed(data: Path) -> None:
    tagged = rate(data, "visqol+own", Settings(options=(("engine", "fast"),), jobs=1, quiet=True))
    assert tagged["labelled"] == 4
    assert all("lag_samples" not in extras for _, extras in labels(data, "visqol+own").values())
    footer = read_footer(fragments(data / "labels" / "rater=visqol+own")[0])
    assert footer["settings"]["aligned"] is False
    assert footer["settings"]["options"]["engine"] == "fast"
    assert set(Dataset(data).labels("visqol+own", ["value"])["rater"].to_pylist()) == {"visqol+own"}
    arguments = ["rate", str(data), "--jobs", "1", "--quiet", "--json", "--rater", "visqol+own"]
    again = CliRunner().invoke(main, arguments)  # remembers its options
    assert json.loads(again.stdout.splitlines()[-1])["labelled"] == 4
    other = CliRunner().invoke(main, [*arguments, "-o", "engine=shipped"])
    assert other.exit_code == 2
    assert "were made with engine=fast; for others name the rater visqol+TAG" in other.stderr


def test_labels_of_a_replaced_network_are_never_mixed(data: Path, tmp_path: Path) -> None:
    model = networks.loudness(tmp_path / "model.onnx")
    own = Settings(options=(("model", str(model)),), jobs=1, quiet=True, conditions=("mp3-*",))
    assert rate(data, "onnx", own)["labelled"] == 4
    assert rate(data, "onnx", own)["cpu_seconds"] == 0
    networks.difference(model)
    for again in (rate, plan):
        with pytest.raises(UserError, match=r"its labels by onnx were made by a network that has been replaced since"):
            again(data, "onnx", own)
    assert rate(data, "onnx+new", own)["labelled"] == 4
    model.unlink()
    with pytest.raises(UserError, match=r"model.onnx: no such file"):
        rate(data, "onnx", own)


def test_a_value_that_is_no_number_is_a_failed_row(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogMel, "judge", lambda self, reference: lambda degraded: Rating(float("nan")))
    result = rate(data, "log-mel", ONE)
    assert (result["labelled"], result["failed"]) == (0, 4)
    assert all(line.endswith("log-mel gives nan for it") for line in result["errors"])


def test_a_network_is_known_by_its_weights(tmp_path: Path) -> None:
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        folder = tmp_path / str(len(found))
        checkpoint.save(folder, Checkpoint(build("compact").eval()))
        found.append(rater("deepaq-fr", model=str(folder)).tools()[NETWORK])
    assert found[0] == found[1] != found[2]
    assert rater("fad", weights="random").tools()[NETWORK]


def test_what_is_not_asked_for_is_as_it_was(data: Path) -> None:
    """`labels visqol` uses the options of existing labels, and names a way to others."""
    arguments = ["visqol", str(data), "--jobs", "1", "--quiet"]
    for more in (["--timeline"], []):
        assert CliRunner().invoke(main, [*arguments, *more]).exit_code == 0
    other = CliRunner().invoke(main, [*arguments, "--engine", "shipped"])
    assert other.exit_code == 2
    assert "made with engine=exact, timeline=4; for others name the rater visqol+TAG in `labels rate`" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rater", "nonsense"], "rater 'nonsense' is unknown"),
        (["--rater", "lsd", "-o", "colour=red"], "rater lsd has no option 'colour'"),
        (["--rater", "onnx"], "give --option model=FILE"),
    ],
)
def test_a_dry_run_refuses_what_the_run_would(data: Path, arguments: list[str], message: str) -> None:
    run = CliRunner().invoke(main, ["rate", str(data), "--dry-run", *arguments])
    assert run.exit_code == 2
    assert message in run.stderr


def test_what_lacks_its_model_is_refused_before_anything_is_rated(data: Path) -> None:
    run = CliRunner().invoke(main, ["rate", str(data), "--jobs", "1", "--rater", "deepaq-fr", "-o", "model=nowhere"])
    assert run.exit_code == 2
    assert "nowhere: no such run folder" in run.stderr
    assert not (data / "labels").exists()


def test_an_option_is_a_key_and_a_value(data: Path) -> None:
    run = CliRunner().invoke(main, ["rate", str(data), "--rater", "fad", "-o", "random"])
    assert run.exit_code == 2
    assert "--option random: write it as key=value" in run.stderr
