"""Further teachers of some conditions, on the scale of the rater of all others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepaq.errors import UserError
from labels.rating.stage import Settings as RateSettings
from labels.rating.stage import rate
from manifests.dataset import Dataset
from prep.transcode import Settings, transcode
from tests.sounds import music, write
from training.data import scale, table, teachers
from training.data.teachers import equate
from training.settings import Data

TOP = 4.732


@given(
    st.lists(st.floats(-3, 3).map(lambda x: round(x, 3)), min_size=20, max_size=60, unique=True),
    st.sampled_from([1, -1]),
)
@settings(deadline=None)
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
    """Six clips in codecs and distortions; ViSQOL rated all of it, the 2f-model nothing."""
    folder = tmp_path_factory.mktemp("teachers")
    for seed in range(6):
        write(folder / "music" / f"{seed}.wav", music(2, seed))
    wanted = Settings(("opus", "mp3"), (16, 48), 2, "musical-noise-4,noise-3", jobs=1, quiet=True)
    transcode([folder / "music"], folder / "data", wanted)
    rate(folder / "data", "visqol", RateSettings(jobs=1, quiet=True))
    return folder / "data"


def test_a_condition_s_own_teacher_labels_it_on_the_common_scale(data: Path) -> None:
    wanted = Data(teachers={"2f": ["musical-noise-*"]}, fold="1/2")
    with pytest.raises(UserError, match=r"has no labels by 2f; run `labels rate .* --rater 2f`"):
        table.load(Dataset(data), wanted)
    done = rate(data, "2f", RateSettings(conditions=("musical-noise-*",), jobs=1, quiet=True))
    assert done["labelled"] == 6
    with pytest.raises(UserError, match=r"2f has rated 0 coded clips, 20 are needed"):
        table.load(Dataset(data), wanted)
    rate(data, "2f", RateSettings(conditions=("opus-*", "mp3-*"), jobs=1, quiet=True))
    plain, taught = (table.load(Dataset(data), Data(teachers=given, fold="1/2")) for given in ({}, wanted.teachers))
    assert plain.row_id.tolist() == taught.row_id.tolist()
    theirs = plain.condition == "musical-noise-4"
    assert np.array_equal(plain.mos[~theirs], taught.mos[~theirs])
    own = 2 * taught.mos[theirs] - plain.mos[theirs]  # the mean of both is the label
    assert plain.mos[theirs].mean() > own.mean() + 0.3  # which ViSQOL forgives
    assert plain.mos[plain.coded].min() - 1e-9 < own.min() < own.max() < TOP
    assert [mix.value for mix in taught.mix[theirs]] == pytest.approx(taught.mos[theirs].tolist())


def test_the_curve_comes_from_coded_versions_alone(data: Path) -> None:
    rate(data, "2f", RateSettings(jobs=1, quiet=True))
    dataset = Dataset(data)
    mixes, top = scale.mixed(dataset, {"visqol": 1})
    found = teachers.joined(dataset, mixes, {"2f": ["*-*"]}, top)
    coded = [row["degraded_id"] for row in dataset.degraded(["codec"]).to_pylist() if row["codec"]]
    ours = np.sort([2 * found[name].value - mixes[name].value for name in coded])
    assert np.abs(ours - np.sort([mixes[name].value for name in coded])).max() < 0.15


def test_several_teachers_of_a_condition_weigh_the_same(data: Path) -> None:
    rate(data, "2f", RateSettings(jobs=1, quiet=True))
    rate(data, "zimtohrli", RateSettings(jobs=1, quiet=True))  # a distance on a scale of its own
    dataset = Dataset(data)
    mixes, top = scale.mixed(dataset, {"visqol": 1})
    one, other, both = (
        teachers.joined(dataset, mixes, {name: ["noise-3"] for name in names}, top)
        for names in (["2f"], ["zimtohrli"], ["2f", "zimtohrli"])
    )
    rows = [row["degraded_id"] for row in dataset.degraded(["condition"]).to_pylist() if row["condition"] == "noise-3"]
    for name in rows:
        wanted = (2 * one[name].value + 2 * other[name].value - mixes[name].value) / 3
        assert both[name].value == pytest.approx(wanted)


def test_conditions_that_are_not_there_are_named(data: Path) -> None:
    with pytest.raises(UserError, match=r"--conditions vorbis-\*: there are none; known are .*musical-noise-4"):
        rate(data, "visqol", RateSettings(conditions=("vorbis-*",), jobs=1, quiet=True))


@pytest.mark.parametrize("value", ["musical-noise", [1]])
def test_teachers_of_a_recipe_are_lists_of_conditions(value: object) -> None:
    with pytest.raises(UserError, match=r"data.teachers.2f=.*a list of conditions"):
        Data(teachers={"2f": value})
