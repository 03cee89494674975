"""Statistics of paired differences: coverage, false verdicts, power."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, t

from deepaq.comparison.statistics import interval, needed_files, sign_test, verdict


def test_the_interval_is_students_for_tracks_of_one_file() -> None:
    changes = np.random.default_rng(0).normal(0.1, 0.2, 12)
    low, high = interval(list(changes), [str(i) for i in range(12)])
    wanted = t.interval(0.95, 11, changes.mean(), changes.std(ddof=1) / np.sqrt(12))
    assert (low, high) == pytest.approx(wanted, rel=0.08)


@pytest.mark.parametrize("tracks", [4, 8, 20])
def test_the_interval_covers_when_files_of_a_track_resemble_each_other(tracks: int) -> None:
    rng = np.random.default_rng(1)
    names = [str(i // 3) for i in range(3 * tracks)]
    covered = 0
    for number in range(400):
        changes = np.repeat(rng.normal(0, 0.2, tracks), 3) + rng.normal(0, 0.1, 3 * tracks)
        low, high = interval(list(changes), names, seed=number)
        covered += low <= 0 <= high
    assert 0.925 <= covered / 400 <= 0.975


def test_builds_without_a_difference_are_told_apart_in_at_most_seven_of_a_hundred_cases() -> None:
    rng = np.random.default_rng(2)
    found = [verdict(interval(list(rng.normal(0, 0.05, 20)), [str(i) for i in range(20)], i)) for i in range(200)]
    assert sum(word in ("better", "worse") for word in found) <= 14


def test_the_number_of_files_that_is_asked_for_shows_the_change_in_four_of_five_cases() -> None:
    rng = np.random.default_rng(3)
    count = needed_files(list(rng.normal(0, 0.15, 1000)))
    seen = [
        verdict(interval(list(rng.normal(0.05, 0.15, count)), [str(i) for i in range(count)], number)) == "better"
        for number in range(300)
    ]
    assert 0.73 <= np.mean(seen) <= 0.87


def test_too_few_tracks_give_no_interval() -> None:
    assert interval([0.1, 0.2, 0.3, 0.1], ["a", "a", "b", "b"]) is None
    assert verdict(None) == "too little data"


@pytest.mark.parametrize(
    ("bounds", "wanted"),
    [
        ((0.01, 0.2), "better"),
        ((-0.2, -0.01), "worse"),
        ((-0.04, 0.03), "not told apart"),
        ((0.0, 0.0), "not told apart"),
        ((-0.04, 0.3), "too little data"),
    ],
)
def test_verdicts(bounds: tuple[float, float], wanted: str) -> None:
    assert verdict(bounds) == wanted


def test_the_sign_test_is_the_binomial_one() -> None:
    changes = [0.2] * 9 + [-0.2] * 2 + [0.005] * 3
    assert sign_test(changes) == (9, 2, 3, pytest.approx(binomtest(2, 11).pvalue))
    assert sign_test([0.0, 0.001]) == (0, 0, 2, 1.0)
