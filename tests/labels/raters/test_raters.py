"""The contract that every registered rater keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from deepaq.audio import read
from deepaq.audio.align import Aligned, align
from deepaq.backbones.backbone import build
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.mapping import Exponential
from labels.cli import main
from labels.raters.rater import RATERS, Rater, rater
from labels.testing import check_rater
from tests.labels.raters.networks import difference
from tests.sounds import music, write

EACH = pytest.mark.parametrize("name", sorted(RATERS))
# What a reference against itself may differ by from the identity that the rater declares.
IDENTITY_TOLERANCE = {"peaq": 0.1, "haaqi": 0.05, "visqol-speech": 0.3}  # the last: of a voice 0.005, this is none
UNRELATED = {"deepaq-nmr"}  # raters that do not listen to the reference

Made = Callable[[str], Rater]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The options that raters cannot do without, by name."""
    folder = tmp_path_factory.mktemp("raters")
    torch.manual_seed(0)
    curve = Exponential(4.732, 0.3, 0.8)
    checkpoint.save(folder / "run", Checkpoint(build("compact").eval(), curve, curve))
    for seed in (11, 12):
        write(folder / "clean" / f"{seed}.wav", music(2, seed))
    return {
        "fad": {"weights": "random", "layer": "6"},
        "fad-clap": {"weights": "random"},
        "onnx": {"model": str(difference(folder / "difference.onnx"))},
        "deepaq-fr": {"model": str(folder / "run")},
        "deepaq-nmr": {"model": str(folder / "run"), "references": str(folder / "clean")},
    }


@pytest.fixture(scope="module")
def made(options: dict[str, dict[str, str]]) -> Made:
    """Make the rater of a name; skips where its package is not installed."""

    @cache
    def make(name: str) -> Rater:
        try:
            return rater(name, **options.get(name, {}))
        except UserError as error:
            pytest.skip(str(error))

    return make


@EACH
def test_every_rater_keeps_the_contract(name: str, made: Made, options: dict[str, dict[str, str]]) -> None:
    made(name)
    check_rater(name, options.get(name), IDENTITY_TOLERANCE.get(name, 0.005), name in UNRELATED)


def test_the_raters_are_listed_with_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner().invoke(main, ["raters", "--json"])
    found = json.loads(run.stdout)
    assert list(found) == list(RATERS)
    assert found["visqol"] == {
        "value": "MOS-LQO, higher is better",
        "options": "engine=exact, timeline",
        "from": "built-in",
        "here": "yes",
    }
    assert found["deepaq-nmr"]["options"] == "references, model, gives=distance, device=cpu"
    assert found["log-mel"]["value"] == "dB, lower is better"
    monkeypatch.setattr("labels.raters.rater.find_spec", lambda package: None)
    lines = CliRunner().invoke(main, ["raters"]).stdout.splitlines()
    assert len(lines) == len(RATERS)
    (line,) = (line for line in lines if line.startswith("haaqi "))
    assert line.endswith("here rater haaqi needs the package clarity; pip install --no-deps pyclarity")


def test_a_tag_keeps_settings_apart() -> None:
    assert rater("fad+layer6", weights="random", layer="6").name == "fad+layer6"
    assert rater("fad", weights="random").name == "fad"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nobody", {}, r"rater 'nobody' is unknown; known are 2f, .*visqol"),
        ("fad+../../x", {}, "a tag is made of letters"),
        ("peaq", {"speed": "11"}, "rater peaq has no option 'speed'; known are none"),
        ("fad", {"size": "11"}, "rater fad has no option 'size'; known are weights, layer"),
    ],
)
def test_unknown_names_and_options(name: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        rater(name, **options)


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("haaqi", "clarity; pip install --no-deps pyclarity"),
        ("visqol", r"visqol; pip install 'deepaq\[labels\]'"),
        ("fad", r"torch; pip install 'deepaq\[train\]'"),
    ],
)
def test_a_missing_package_is_named_before_anything_is_rated(
    name: str, lacks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labels.raters.rater.find_spec", lambda package: None)
    with pytest.raises(UserError, match=f"rater {name} needs the package {lacks}"):
        rater(name)
    assert rater("peaq").name == "peaq"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "deepaq-nmr",
            {"model": "compact-2026a"},
            "compact-2026a carries no clean music; give it by --option references",
        ),
        ("deepaq-nmr", {"references": "nowhere"}, "nowhere: no such folder of clean music"),
        ("deepaq-fr", {"model": "nowhere"}, "nowhere: no such run folder"),
        ("fad-clap", {}, "needs its weights; give --option weights=FOLDER"),
        ("fad-clap", {"weights": "nowhere"}, "nowhere: lacks model.safetensors"),
        ("fad", {"weights": "nowhere"}, "nowhere: no such folder"),
        ("fad", {"weights": "random", "layer": "13"}, "layer=13: MERT has the layers 0 to 12"),
        ("fad", {"weights": "random", "layer": "top"}, "layer=top: is not a layer number"),
    ],
)
def test_what_lacks_its_model_says_so_before_anything_is_rated(name: str, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        rater(name, **options).warm_up()


def test_pesq_refuses_what_would_end_its_program(made: Made) -> None:
    judge = made("pesq")
    with pytest.raises(UserError, match=r"the reference lasts 20\.50 s; PESQ can take 20 s, cut it"):
        judge.judge(music(20.5, 4, judge.sample_rate, channels=1)[:, 0])


ZIMTOHRLI = {
    "contrabassoon48_stereo_24kbps_aac": 0.00966,
    "guitar48_stereo_64kbps_aac": 0.00163,
    "harpsichord48_stereo_96kbps_mp3": 0.00183,
    "ravel48_stereo_128kbps_opus": 0.00064,
    "steely48_stereo_lp7": 0.00915,
    "strauss48_stereo_lp35": 0.02228,
}


def aligned(shared: Path, name: str) -> Aligned:
    item = "_".join(name.split("_")[:2])
    sounds = [read(shared / "visqol_conformance" / f"{stem}.flac").samples for stem in (item, name)]
    return align(sounds[0], sounds[1], 48_000)


@pytest.mark.shared
@pytest.mark.parametrize("name", ZIMTOHRLI)
def test_values_of_zimtohrli_itself(shared: Path, made: Made, name: str) -> None:
    pair = aligned(shared, name)
    assert made("zimtohrli").judge(pair.reference)(pair.degraded).value == pytest.approx(ZIMTOHRLI[name], rel=0.01)


@pytest.mark.shared
def test_a_value_of_pyclarity_itself(shared: Path, made: Made) -> None:
    """The left channel's first 8 s; the noise that the index adds is seeded."""
    pair = aligned(shared, "contrabassoon48_stereo_24kbps_aac")
    left, degraded = (np.ascontiguousarray(part[: 8 * 48_000, 0]) for part in (pair.reference, pair.degraded))
    assert made("haaqi").judge(left)(degraded).value == pytest.approx(0.3426, rel=0.001)


def test_deepaq_gives_the_mos_instead_of_the_distance_when_asked(tmp_path: Path) -> None:
    curve = Exponential(4.732, 0.3, 0.8)
    checkpoint.save(tmp_path / "run", Checkpoint(build("compact").eval(), curve, curve))
    checkpoint.save(tmp_path / "plain", Checkpoint(build("compact").eval()))
    clean = music(2, 1, 48_000)
    degraded = (clean + 0.01 * np.random.default_rng(0).standard_normal(clean.shape)).astype(np.float32)
    distance = rater("deepaq-fr", model=str(tmp_path / "run"))
    mos = rater("deepaq-fr+mos", model=str(tmp_path / "run"), gives="mos")
    assert (mos.scale, mos.identity, mos.higher_is_better) == ("MOS", None, True)
    found = distance.judge(clean)(degraded)
    assert mos.judge(clean)(degraded).value == pytest.approx(found.extras["mos"])
    with pytest.raises(UserError, match="maps no distance to a MOS"):
        rater("deepaq-fr", model=str(tmp_path / "plain"), gives="mos").judge(clean)(degraded)
    with pytest.raises(UserError, match="gives=rank: distance or mos"):
        rater("deepaq-fr", gives="rank")
