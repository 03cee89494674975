"""The plain CSV of ratings: scales, published spreads, counts, groups, and the dialects of spreadsheets."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from scipy import stats

from deepaq.errors import UserError
from labels.importing.scores import _published
from labels.listening.reader import Spread, reader
from labels.listening.table import wilson
from manifests.schema import ANCHOR, CODED
from tests.labels.listening.listening_layouts import table

FILES = ("a.wav", "b.wav")


def read(folder: Path, header: str, *rows: tuple[object, ...], **options: str):
    test = reader("csv", **options)
    path = table(folder / "t.csv", ("reference", "degraded", *header.split(",")), [(*FILES, *row) for row in rows])
    return test, test.read(path)


def test_the_table_states_its_scale(tmp_path: Path) -> None:
    test, reading = read(tmp_path, "score_mean,scale_low,scale_high,role", (3.5, 1, 5, "system"))
    assert (test.scale, test.lowest, test.highest, test.better) == ("MOS", 1.0, 5.0, "higher")
    (stimulus,), (rating,) = reading.stimuli.values(), reading.ratings.values()
    assert (stimulus.role, rating.value) == (CODED, 3.5)


def test_the_users_options_count_before_the_table(tmp_path: Path) -> None:
    test, _ = read(tmp_path, "score,scale_low,scale_high,scale", (3.5, 1, 5, "DCR"), highest="10", better="lower")
    assert (test.scale, test.lowest, test.highest, test.better) == ("DCR", 1.0, 10.0, "lower")


def test_ratings_on_two_scales_are_two_tests(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="column scale_high holds 100 and 5; import ratings on different scales as sep"):
        read(tmp_path, "score,scale_high,condition", (3, 5, "x"), (30, 100, "y"))


@pytest.mark.parametrize(("options", "header"), [({"scale": "ABX"}, "score"), ({}, "score_mean,scale_low,scale_high")])
def test_abx_scores_rise_with_audibility_and_may_fall_below_chance(tmp_path: Path, options, header: str) -> None:
    own = (0.5, 1) if not options else ()
    test, reading = read(tmp_path, f"{header},condition", (0.47, *own, "x"), (0.9, *own, "y"), **options)
    assert (test.lowest, test.highest, test.better) == (0.5, 1.0, "lower")
    assert [rating.value for rating in reading.ratings.values()] == [0.47, 0.9]
    assert reading.problems == []


def test_counts_stand_for_scores(tmp_path: Path) -> None:
    test, reading = read(tmp_path, "n_correct,n_trials", (261, 300))
    (rating,) = reading.ratings.values()
    assert (test.scale, rating.value) == ("ABX", 0.87)
    assert rating.spread.interval == pytest.approx(stats.binomtest(261, 300).proportion_ci(method="wilson"))
    test, reading = read(tmp_path, "n_chosen,n_trials", (30, 40))
    assert (test.scale, test.better, next(iter(reading.ratings.values())).value) == ("choice share", "higher", 0.75)


@pytest.mark.parametrize(("count", "trials"), [(0, 12), (12, 12), (7, 25)])
def test_the_interval_of_a_share_is_wilsons(count: int, trials: int) -> None:
    assert wilson(count, trials) == pytest.approx(
        stats.binomtest(count, trials).proportion_ci(method="wilson"), abs=1e-6
    )


def test_a_published_deviation_gives_students_interval(tmp_path: Path) -> None:
    _, reading = read(tmp_path, "score,score_std,n_listeners", (60, 20, 22))
    (rating,) = reading.ratings.values()
    assert rating.spread == Spread(None, 20.0, 22)
    mean = _published(rating.value, rating.spread)
    assert (mean.low, mean.high) == pytest.approx(stats.t.interval(0.95, 21, 60, 20 / 22**0.5))
    assert (mean.listeners, mean.deviation) == (22, 20.0)


def test_groups_and_roles_are_read(tmp_path: Path) -> None:
    _, reading = read(tmp_path, "score,group,role,condition", (60, "g1", "system", "x"), (10, "", "anchor", "y"))
    assert [(s.group, s.role) for s in reading.stimuli.values()] == [("g1", CODED), (None, ANCHOR)]


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("first", ["", "sep={}\r\n"])
def test_spreadsheets_of_any_locale_are_read(tmp_path: Path, delimiter: str, encoding: str, first: str) -> None:
    decimal = "." if delimiter == "," else ","
    lines = [["reference", "degraded", "score", "condition"], ["a.wav", "b.wav", f"97{decimal}3", "1,38 kbps"]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(lines)
    (tmp_path / "t.csv").write_text(first.format(delimiter) + text.getvalue(), encoding=encoding, newline="")
    reading = reader("csv").read(tmp_path / "t.csv")
    ((key, rating),) = reading.ratings.items()
    assert (key[1], rating.value, reading.problems) == ("1,38 kbps", 97.3, [])


def test_a_table_with_other_headings_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Referenz;Datei;Wert\na;b;1\n")
    with pytest.raises(UserError, match=r"lacks the column reference; .* and reads 'Referenz;Datei;Wert'"):
        reader("csv").read(tmp_path / "t.csv")


@pytest.mark.parametrize("mark", ['"', "\r"])
def test_a_mark_that_cannot_delimit_is_quoted(tmp_path: Path, mark: str) -> None:
    (tmp_path / "t.csv").write_text(f"sep={mark}\r\nreference,degraded,score\r\na,b,1\r\n", newline="")
    with pytest.raises(UserError, match=r"lacks the column reference; .* and reads 'sep="):
        reader("csv").read(tmp_path / "t.csv")
