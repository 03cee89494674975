"""Judgement of codecs: coverage of the interval, remarks on unusual curves, raters that disagree."""

from __future__ import annotations

import numpy as np
import pytest

from labels.codecs.analysis import Analysis, analyse
from labels.codecs.curve import percent
from labels.codecs.points import Judged, Points
from labels.codecs.stage import disagreements

KBPS = (24.0, 48.0, 64.0, 96.0)
TRACKS = 10


def points(curves: dict[str, dict[float, float]], spread: float = 0.0, seed: int = 0, tracks: int = TRACKS) -> Points:
    """A clip per track: a mean value for each bitrate of each codec, and for each track an offset of its own."""
    rng = np.random.default_rng(seed)
    keys = tuple((codec, kbps) for codec, values in curves.items() for kbps in values)
    means = np.array([curves[codec][kbps] for codec, kbps in keys])
    codec_of = np.unique([codec for codec, _ in keys], return_inverse=True)[1]
    track = rng.normal(0, 2 * spread, tracks)
    own = rng.normal(0, spread, (len(curves), tracks))[codec_of]
    noise = rng.normal(0, spread / 4, (len(keys), tracks))
    rates = np.array([[kbps] * tracks for _, kbps in keys]) * rng.uniform(0.97, 1.03, (len(keys), tracks))
    values = means[:, None] + track + own + noise
    return Points(keys, tuple(map(str, range(tracks))), np.ones_like(values), rates, values)


def rising(factor: float = 1.0, kbps: tuple[float, ...] = KBPS) -> dict[float, float]:
    """Values that rise by .8 per doubling; the codec needs `factor` times the bits."""
    return {rate: 2 + 0.8 * float(np.log2(rate / factor / 24)) for rate in kbps}


def said(one: Points, better: bool = True, at: tuple[float, ...] = ()) -> dict:
    return analyse(Judged("judge", "MOS", better, one), at, 100)


def test_the_interval_of_the_bd_rate_covers_the_truth() -> None:
    covered = 0
    for seed in range(200):
        pair = Analysis(points({"a": rising(), "b": rising(0.8)}, 0.15, seed), True, 30, seed).pair("a", "b")
        value, low, high = pair["bd_rate"]
        covered += low <= -20 <= high
        assert low < value < high
    assert 0.90 <= covered / 200 <= 0.98


def test_the_order_is_told_when_the_interval_excludes_no_difference() -> None:
    clear = said(points({"a": rising(), "b": rising(0.5)}, 0.05))["pairs"][0]
    assert clear["better"] == "b"
    assert clear["bd_rate"][0] == pytest.approx(-50, abs=5)
    assert clear["values"] == pytest.approx([2.8, 3.6], abs=0.2)
    alike = said(points({"a": rising(), "b": rising(0.98)}, 0.15))["pairs"][0]
    assert alike["better"] is None
    few = said(points({"a": rising(), "b": rising(0.5)}, 0.05, tracks=3))["pairs"][0]
    assert few["bd_rate"][1:] == [None, None]
    assert few["better"] is None


def test_a_distance_is_read_the_other_way_round() -> None:
    falling = {kbps: 6 - value for kbps, value in rising().items()}
    cheaper = {kbps: 6 - value for kbps, value in rising(0.5).items()}
    found = said(points({"a": falling, "b": cheaper}, 0.05), better=False, at=(3.0, 9.0))
    assert found["pairs"][0]["better"] == "b"
    assert found["pairs"][0]["values"] == pytest.approx([2.4, 3.2], abs=0.2)
    first, second, beyond, _ = found["at"]
    assert second["kbps"][0] == pytest.approx(first["kbps"][0] / 2, rel=0.1)
    assert beyond["why"] == "already 3.99 at 24 kbps"


def test_curves_without_overlap_are_ordered_in_words() -> None:
    found = said(points({"a": rising(), "b": {kbps: value + 3 for kbps, value in rising().items()}}))["pairs"][0]
    assert found["bd_rate"] is None
    assert found["why"] == "the curves do not overlap: b is better at all its bitrates"


def test_a_single_bitrate_is_said() -> None:
    found = said(points({"a": rising(), "b": {64.0: 3.0}}), at=(3.0, 3.3))
    assert found["pairs"][0]["why"] == "b has no rising curve of two bitrates or more"
    assert found["curves"][1]["remarks"] == ["one bitrate only, which makes no curve"]
    assert [row["kbps"] is None for row in found["at"]] == [False, False, False, True]


def test_saturated_and_falling_curves_are_said() -> None:
    bent = {24.0: 2.0, 48.0: 4.0, 64.0: 4.02, 96.0: 3.9}
    found = said(points({"a": bent, "b": rising()}))
    lines = found["curves"][0]["remarks"]
    assert lines[0].startswith("not monotone: at 9")
    assert lines[1].startswith("saturated: little or nothing is gained above 6")
    assert found["pairs"][0]["why"] == "rests on 3 points, 4 are usual"
    assert not found["curves"][1]["remarks"]


def test_a_crossing_has_an_interval_unless_it_is_uncertain() -> None:
    steep = {kbps: 1.2 + 1.6 * float(np.log2(kbps / 24)) for kbps in KBPS}
    found = said(points({"a": rising(), "b": steep}, 0.02))["pairs"][0]["crossings"]
    assert len(found) == 1
    kbps, low, high = found[0]["kbps"]
    assert low < kbps < high
    assert low < 48 < high
    assert found[0]["share"] == 1
    unsure = said(points({"a": rising(), "b": rising(1.0)}, 0.05, seed=3))["pairs"][0]["crossings"]
    assert all(row["kbps"][1] is None for row in unsure)


def test_raters_that_order_two_codecs_differently_are_named() -> None:
    one = said(points({"a": rising(), "b": rising(0.5)}, 0.02)) | {"rater": "one"}
    other = said(points({"a": rising(), "b": rising(2.0)}, 0.02)) | {"rater": "other"}
    unsure = {
        "rater": "unsure",
        "pairs": [{"a": "a", "b": "b", "bd_rate": [6.0, -3.0, 16.0], "ahead": "a", "better": None}],
    }
    assert disagreements([one, one]) == []
    (line,) = disagreements([one, other])
    assert line.startswith("raters disagree on a and b: one prefers b (-5")
    assert "other prefers a (+" in line
    (line,) = disagreements([one, unsure])
    assert line.startswith("raters do not clearly agree on a and b: one prefers b (-5")
    assert line.endswith("unsure prefers a (+6 %, not significant)")


def test_a_rater_whose_curves_do_not_overlap_has_an_order_too() -> None:
    apart = said(points({"a": rising(), "b": {kbps: value - 3 for kbps, value in rising().items()}}))
    one = said(points({"a": rising(), "b": rising(0.5)}, 0.02)) | {"rater": "one"}
    (line,) = disagreements([one, apart | {"rater": "other"}])
    assert line.startswith("raters disagree on a and b: one prefers b (-5")
    assert line.endswith("other prefers a (at all its bitrates)")


def test_a_codec_of_few_tracks_is_missing_from_some_resamples() -> None:
    whole = points({"a": rising(), "b": rising(0.8)}, 0.1)
    clips = whole.clips.copy()
    clips[len(KBPS) :, 2:] = 0
    found = said(Points(whole.keys, whole.tracks, clips, whole.kbps * clips, whole.value * clips), at=(3.0,))
    assert found["pairs"][0]["bd_rate"][1:] == [None, None]
    assert found["at"][1]["kbps"][1:] == [None, None]
    assert found["at"][0]["kbps"][1] is not None


def test_clips_count_once_each_and_points_of_other_tracks_keep_their_mean() -> None:
    base = points({"a": rising()})
    clips = base.clips.copy()
    clips[0, 1:] = 0
    part = Points(base.keys, base.tracks, clips, base.kbps * clips, base.value * clips)
    found = said(part)["curves"][0]["points"]
    assert [row["tracks"] for row in found] == [1, TRACKS, TRACKS, TRACKS]
    assert found[0]["value"][0] == pytest.approx(base.value[0, 0])


def test_percent() -> None:
    assert percent(np.log(0.5)) == pytest.approx(-50)
