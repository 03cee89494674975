"""Curves of quality over bitrate: BD-rate against an independent computation, and curves of unusual shapes."""

from __future__ import annotations

import numpy as np
import pytest

from labels.codecs.curve import Curve, bd_rate, crossings, overlap, percent

KBPS = np.array([24.0, 48, 96, 160])


def curve(kbps: object, quality: object) -> Curve:
    return Curve.of(np.asarray(kbps, float), np.asarray(quality, float))


def fritsch_carlson(x: np.ndarray, y: np.ndarray, at: float) -> float:
    """One value of the monotone cubic with Fritsch and Butland's slopes, written without any library."""
    h, d = np.diff(x), np.diff(y) / np.diff(x)
    slope = np.zeros(len(x))
    for i in range(1, len(x) - 1):
        if d[i - 1] * d[i] > 0:
            one, two = 2 * h[i] + h[i - 1], h[i] + 2 * h[i - 1]
            slope[i] = (one + two) / (one / d[i - 1] + two / d[i])
    for end, i, j in ((0, 0, 1), (-1, -1, -2)):
        slope[end] = ((2 * h[i] + h[j]) * d[i] - h[i] * d[j]) / (h[i] + h[j])
        if slope[end] * d[i] <= 0:
            slope[end] = 0
        elif d[i] * d[j] <= 0 and abs(slope[end]) > 3 * abs(d[i]):
            slope[end] = 3 * d[i]
    i = min(int(np.searchsorted(x, at, side="right")) - 1, len(x) - 2)
    t = (at - x[i]) / h[i]
    ends = y[i] * (1 + 2 * t) * (1 - t) ** 2 + y[i + 1] * t**2 * (3 - 2 * t)
    return ends + h[i] * (slope[i] * t * (1 - t) ** 2 - slope[i + 1] * t**2 * (1 - t))


@pytest.mark.parametrize("seed", range(6))
def test_bd_rate_equals_a_numerical_integration_without_the_library(seed: int) -> None:
    rng = np.random.default_rng(seed)
    curves = [
        curve(np.sort(KBPS * rng.uniform(0.8, 1.25, 4)), np.sort(rng.uniform(1.5, 3, 4)) + np.arange(4) / 2)
        for _ in range(2)
    ]
    low, high = max(c.quality[0] for c in curves), min(c.quality[-1] for c in curves)
    places = low + (np.arange(1000) + 0.5) / 1000 * (high - low)
    areas = [np.mean([fritsch_carlson(c.quality, np.log(c.kbps), at) for at in places]) for c in curves]
    wanted = 100 * (np.exp(areas[1] - areas[0]) - 1)
    assert percent(bd_rate(*curves)) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize(
    ("anchor", "other", "wanted"),
    [
        (
            ([9487.76, 4593.60, 2486.44, 1358.24], [40.037, 38.615, 36.845, 34.851]),
            ([9787.80, 4469.00, 2451.52, 1356.24], [40.121, 38.651, 36.970, 34.987]),
            -4.417485350589045,
        ),
        (
            ([686.76, 309.58, 157.11, 85.95], [40.28, 37.18, 34.24, 31.42]),
            ([893.34, 407.8, 204.93, 112.75], [40.39, 37.21, 34.17, 31.24]),
            31.379878202397627,
        ),
    ],
)
def test_bd_rate_equals_that_of_the_common_test_conditions(anchor: tuple, other: tuple, wanted: float) -> None:
    """Values of the package bjontegaard 1.3.0 (pchip), which its authors compared with the JCT-VC spreadsheet."""
    assert percent(bd_rate(curve(*anchor), curve(*other))) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("factor", [0.5, 0.8, 2.0])
def test_a_curve_moved_along_the_bitrate_gives_the_factor(factor: float) -> None:
    quality = [2.0, 3.1, 4.0, 4.4]
    found = bd_rate(curve(KBPS, quality), curve(factor * KBPS, quality))
    assert percent(found) == pytest.approx(100 * (factor - 1), abs=1e-9)
    back = bd_rate(curve(factor * KBPS, quality), curve(KBPS, quality))
    assert (1 + percent(found) / 100) * (1 + percent(back) / 100) == pytest.approx(1)


def test_equal_curves_differ_by_nothing() -> None:
    one = curve(KBPS, [2, 3, 4, 4.5])
    assert bd_rate(one, one) == 0
    assert crossings(one, one) == []


def test_curves_without_overlap_have_no_bd_rate() -> None:
    low, high = curve(KBPS, [1, 1.5, 2, 2.4]), curve(KBPS, [2.5, 3, 4, 4.5])
    assert overlap(low, high) is None
    assert bd_rate(low, high) is None


def test_a_single_bitrate_makes_no_curve() -> None:
    one, other = curve([64], [3.5]), curve(KBPS, [2, 3, 4, 4.5])
    assert bd_rate(one, other) is None
    assert crossings(one, other) == []
    assert one.kbps_at(3.5) == 64
    assert one.kbps_at(3.6) is None
    assert not one.saturated


def test_points_that_bring_nothing_do_not_count() -> None:
    bent, straight = curve([24, 48, 64, 96], [2, 3, 2.8, 4]), curve([24, 48, 96], [2, 3, 4])
    assert bent.efficient.tolist() == [True, True, False, True]
    assert bd_rate(bent, straight) == pytest.approx(0)
    assert bent.kbps_at(3.5) == pytest.approx(straight.kbps_at(3.5))


def test_a_curve_that_only_falls_keeps_its_first_point() -> None:
    falling = curve(KBPS, [4, 3, 2, 1])
    assert falling.efficient.tolist() == [True, False, False, False]
    assert bd_rate(falling, curve(KBPS, [1, 2, 3, 4])) is None


@pytest.mark.parametrize(
    ("quality", "saturated"),
    [([2, 3, 4, 4.6], False), ([2, 4, 4.6, 4.61], True), ([2, 4, 4.6, 4.5], True), ([3, 3, 3, 3], True)],
)
def test_saturation(quality: list[float], saturated: bool) -> None:
    assert curve(KBPS, quality).saturated is saturated


def test_a_curve_is_never_asked_beyond_its_points() -> None:
    one = curve(KBPS, [2, 3, 4, 4.5])
    assert one.kbps_at(1.99) is None
    assert one.kbps_at(4.51) is None
    assert one.kbps_at(2) == pytest.approx(24)
    assert one.kbps_at(4.5) == pytest.approx(160)
    assert 48 < one.kbps_at(3.5) < 96


def test_crossings_are_found_where_both_have_points() -> None:
    doublings = np.log2(KBPS / 24)
    flat, steep = curve(KBPS, 3 + 0.5 * doublings), curve(KBPS, 2.5 + doublings)
    assert crossings(flat, steep) == [pytest.approx(48, rel=1e-3)]
    assert crossings(steep, flat) == [pytest.approx(48, rel=1e-3)]
    late = curve([96, 160], [2.5 + np.log2(4), 2.5 + np.log2(160 / 24)])
    assert crossings(flat, late) == []


def test_of_equal_bitrates_the_best_counts() -> None:
    assert curve([24, 48, 24], [2, 3, 2.5]).quality.tolist() == [2.5, 3]
