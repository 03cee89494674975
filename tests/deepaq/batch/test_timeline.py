"""Quality over time: names in the legend, gaps, formats."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from deepaq.batch import timeline
from deepaq.scoring.score import Timed, sum_up


def scored(reference: str, degraded: str) -> timeline.Scored:
    segments = [Timed(0.0, 1.0, 0.5), Timed(1.0, 1.0, 0.7), Timed(4.0, 1.0, 0.1)]
    return reference, degraded, sum_up(degraded, segments, None, 48_000)


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    assert timeline.labels([scored("r.wav", "x/a/one.mp3"), scored("r.wav", "x/b/two.mp3")]) == ["one.mp3", "two.mp3"]
    assert timeline.labels([scored("r.wav", "x/a/one.mp3"), scored("r.wav", "x/b/one.mp3")]) == [
        "a/one.mp3",
        "b/one.mp3",
    ]


def test_one_file_against_two_references_is_told_apart_by_them() -> None:
    assert timeline.labels([scored("a/r.wav", "one.mp3"), scored("b/r.wav", "one.mp3")]) == [
        "one.mp3 (a/r.wav)",
        "one.mp3 (b/r.wav)",
    ]


def test_time_that_was_not_scored_is_left_out_of_the_curve() -> None:
    values, edges = timeline.steps(scored("r.wav", "d.wav")[2], mapped=False)
    assert edges == [0, 1, 2, 4, 5]
    assert values[:2] == [0.5, 0.7]
    assert values[2] != values[2]
    assert values[3] == 0.1


@pytest.mark.parametrize("count", [1, 12, 13])
def test_every_format_holds_every_segment(tmp_path: Path, count: int) -> None:
    scores = [scored("r.wav", f"{index}/one.mp3") for index in range(count)]
    for name in ("t.json", "t.csv", "t.png"):
        timeline.write(tmp_path / name, scores)
    assert len(json.loads((tmp_path / "t.json").read_text())) == 3 * count
    with (tmp_path / "t.csv").open(newline="") as file:
        assert [row["degraded"] for row in csv.DictReader(file)][::3] == [f"{index}/one.mp3" for index in range(count)]
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
