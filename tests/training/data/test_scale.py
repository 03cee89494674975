"""Raters of different scales, and ratings over time, as one label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deepaq.errors import UserError
from manifests.dataset import Dataset
from manifests.fragment import write_fragment
from manifests.schema import LABELS
from training.data import scale


def dataset(folder: Path, **raters: list[dict[str, Any]]) -> Dataset:
    """rater=rows of value, scale and more; identity of a rater in its first row."""
    for name, rows in raters.items():
        identity = rows[0].pop("identity", None)
        full = [{"degraded_id": f"d{n}", "rater": name, "status": "ok", **row} for n, row in enumerate(rows)]
        settings = {} if identity is None else {"identity": identity}
        write_fragment(folder / "labels" / f"rater={name}", LABELS, full, {"schema_version": 1, "settings": settings})
    return Dataset(folder)


def test_scales_meet_on_one_to_five(tmp_path: Path) -> None:
    data = dataset(
        tmp_path,
        visqol=[{"value": 3.0, "scale": "MOS-LQO", "identity": 4.732}, {"value": 4.0, "scale": "MOS-LQO"}],
        twof=[{"value": 25.0, "scale": "MUSHRA", "identity": 100.0}, {"value": 75.0, "scale": "MUSHRA"}],
        peaq=[{"value": -4.0, "scale": "ODG", "identity": 0.21}, {"value": 0.3, "scale": "ODG"}],
    )
    mixes, identity = scale.mixed(data, {"visqol": 2, "twof": 1, "peaq": 1})
    assert mixes["d0"].value == pytest.approx((2 * 3 + 2 + 1) / 4)
    assert mixes["d1"].value == pytest.approx((2 * 4 + 4 + 5) / 4)  # no more than 5
    assert identity == pytest.approx((2 * 4.732 + 5 + 5) / 4)


def test_listeners_bring_the_ends_of_their_scale(tmp_path: Path) -> None:
    extras = [("scale_low", 0.0), ("scale_high", 10.0)]
    data = dataset(tmp_path, listeners=[{"value": 7.5, "scale": "of my own", "extras": extras}])
    mixes, identity = scale.mixed(data, {"listeners": 1})
    assert (mixes["d0"].value, identity) == (4.0, 5.0)


def test_the_consensus_of_raters_is_a_label(tmp_path: Path) -> None:
    rows = [{"value": -1.0, "scale": "standard deviations", "identity": 1.018}]
    rows += [{"value": value, "scale": "standard deviations"} for value in (1.018, -3.0)]
    mixes, identity = scale.mixed(dataset(tmp_path, consensus=rows), {"consensus": 1})
    assert [mixes[f"d{n}"].value for n in range(3)] == [3.0, 5.0, 1.0]
    assert identity == 5.0


def test_only_what_all_have_rated_is_mixed(tmp_path: Path) -> None:
    good = {"value": 3.0, "scale": "MOS"}
    bad = {"value": None, "scale": "MOS", "status": "failed", "error": "x"}
    data = dataset(tmp_path, one=[good, good, bad], two=[good, bad, good])
    assert set(scale.mixed(data, {"one": 1, "two": 1})[0]) == {"d0"}


def test_what_cannot_be_mixed_is_refused(tmp_path: Path) -> None:
    data = dataset(tmp_path, lsd=[{"value": 3.0, "scale": "dB", "identity": 0.0}])
    with pytest.raises(UserError, match=r"lsd rates on the scale 'dB', which cannot be mapped to MOS 1 to 5"):
        scale.mixed(data, {"lsd": 1})
    with pytest.raises(UserError, match="no rater with a positive weight"):
        scale.mixed(data, {"lsd": 0})


def test_labels_over_time(tmp_path: Path) -> None:
    line = [("timeline_start_s", 0.5), ("timeline_hop_s", 1.0), ("timeline_window_s", 4.0)]
    data = dataset(
        tmp_path,
        visqol=[{"value": 3.0, "scale": "MOS-LQO", "timeline": [2.0, None, 4.0], "extras": line}],
        other=[{"value": 1.0, "scale": "MOS-LQO"}],
    )
    mix = scale.mixed(data, {"visqol": 1})[0]["d0"]
    assert [mix.at(second) for second in (0.0, 2.5, 3.5, 4.5, 9.0)] == pytest.approx([2, 2, 3, 4, 4])
    both = scale.mixed(data, {"visqol": 1, "other": 1})[0]["d0"]
    assert both.at(2.5) == pytest.approx(1.5)
    assert both.value == pytest.approx(2.0)
