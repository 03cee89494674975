"""Raters that label some conditions, on the scale of the rater of all others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepaq.errors import UserError
from labels.rate import Settings as RateSettings
from labels.rate import rate
from manifests.dataset import Dataset
from prep.transcode import Settings, transcode
from tests.sounds import music, write
from training import scale, table, teachers
from training.recipe import Data
from training.teachers import equate

TOP = 4.732


@given(
    st.lists(st.floats(-3, 3).map(lambda x: round(x, 3)), min_size=20, max_size=60, unique=True),
    st.sampled_from([1, -1]),
)
def test_values_are_moved_to_those_of_the_same_rank(hidden: list[float], sign: int) -> None:
    latent = np.array(hidden)
    given_values, meant = sign * np.exp(latent), 3 + np.tanh(latent)
    curve = equate(given_values, meant, (None, TOP))
    moved = np.array([curve(value) for value in given_values])
    order = np.argsort(latent)
    assert (np.diff(moved[order]) >= 0).all()
    assert meant.min() <= moved.min() <= moved.max() <= meant.max()
    assert moved[order[0]] == pytest.approx(meant[order[0]])
    assert moved[order[-1]] == pytest.approx(meant[order[-1]])


def test_many_values_are_moved_closely() -> None:
    latent = np.random.default_rng(0).standard_normal(2000)
    distances, meant = np.exp(-latent), 3 + np.tanh(latent)
    curve = equate(distances, meant, (0.0, TOP))
    moved = np.array([curve(value) for value in distances])
    assert np.abs(moved - meant)[np.abs(latent) < 2].max() < 0.03
    assert curve(0.0) == TOP
    assert curve(1e9) == pytest.approx(meant.min())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips in codecs and distortions; ViSQOL rated all of it, the 2f-model nothing."""
    folder = tmp_path_factory.mktemp("teachers")
    for seed in range(10):
        write(folder / "music" / f"{seed}.wav", music(2, seed))
    settings = Settings(("opus", "mp3"), (16, 48), 2, "musical-noise-4,noise-3", jobs=1, quiet=True)
    transcode([folder / "music"], folder / "data", settings)
    rate(folder / "data", "visqol", RateSettings(jobs=1, quiet=True))
    return folder / "data"


def test_a_condition_s_own_teacher_labels_it_on_the_common_scale(data: Path) -> None:
    wanted = Data(teachers={"2f": ["musical-noise-*"]}, fold="1/2")
    with pytest.raises(UserError, match="has no labels by 2f; run `labels rate .* --rater 2f`"):
        table.load(Dataset(data), wanted)
    done = rate(data, "2f", RateSettings(conditions=("musical-noise-*",), jobs=1, quiet=True))
    assert done["labelled"] == 10
    with pytest.raises(UserError, match=r"2f has rated 0 coded versions, 20 are needed"):
        table.load(Dataset(data), wanted)
    rate(data, "2f", RateSettings(conditions=("opus-*", "mp3-*"), jobs=1, quiet=True))
    plain, taught = (table.load(Dataset(data), Data(teachers=given, fold="1/2")) for given in ({}, wanted.teachers))
    assert plain.row_id.tolist() == taught.row_id.tolist()
    theirs = plain.condition == "musical-noise-4"
    assert np.array_equal(plain.mos[~theirs], taught.mos[~theirs])
    assert plain.mos[theirs].mean() > taught.mos[theirs].mean() + 0.3  # which ViSQOL forgives
    assert taught.mos[theirs].min() >= plain.mos[plain.coded].min()


def test_the_curve_comes_from_coded_versions_alone(data: Path) -> None:
    rate(data, "2f", RateSettings(jobs=1, quiet=True))
    dataset = Dataset(data)
    mixes, top = scale.mixed(dataset, {"visqol": 1})
    found = teachers.assigned(dataset, {"2f": ["*-*"]}, mixes, top)
    coded = [row["degraded_id"] for row in dataset.degraded(["codec"]).to_pylist() if row["codec"]]
    ours = np.sort([found[name].value for name in coded])
    assert np.abs(ours - np.sort([mixes[name].value for name in coded])).max() < 0.15


def test_conditions_that_are_not_there_are_named(data: Path) -> None:
    with pytest.raises(UserError, match=r"--conditions vorbis-\*: there are none; known are .*musical-noise-4"):
        rate(data, "visqol", RateSettings(conditions=("vorbis-*",), jobs=1, quiet=True))


@pytest.mark.parametrize("value", ["musical-noise", [1]])
def test_teachers_of_a_recipe_are_lists_of_conditions(value: object) -> None:
    with pytest.raises(UserError, match=r"data.teachers.2f=.*a list of conditions"):
        Data(teachers={"2f": value})
