"""The plain CSV of ratings: names, roles, and lines that cannot be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepaq.errors import UserError
from labels.listening.reader import reader, role_of
from manifests.schema import ANCHOR, CODED, REFERENCE
from tests.labels.listening.listening_layouts import audio, table


def test_the_plain_csv_needs_only_three_columns(tmp_path: Path) -> None:
    reference, degraded = audio(tmp_path / "a.wav", 1), audio(tmp_path / "a_mp3.wav", 1, 0.1)
    rows = [("a.wav", "a_mp3.wav", 3.5), ("a.wav", "a.wav", 4.9)]
    test = reader("csv", scale="ACR", licence="CC0")
    reading = test.read(table(tmp_path / "mine.csv", ("reference", "degraded", "score"), rows))
    assert (test.name, test.scale, test.lowest, test.highest, test.licence) == ("mine", "ACR", 1, 5, "CC0")
    assert reading.stimuli["a", "a_mp3"].degraded == degraded
    assert reading.stimuli["a", "reference"].role == REFERENCE
    assert reading.stimuli["a", "reference"].reference == reference
    assert reading.ratings["a", "a_mp3", None].value == 3.5


def test_spaces_behind_delimiters_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('reference, degraded, score\na.wav, b.wav, 50\na.wav, "c, d.wav", 60\n')
    stimuli = reader("csv").read(tmp_path / "t.csv").stimuli.values()
    assert [stimulus.degraded.name for stimulus in stimuli] == ["b.wav", "c, d.wav"]


def test_files_that_are_called_the_same_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    """One name in two folders is two items or conditions; what is unambiguous keeps its short name."""
    rows = [("song1/ref.wav", "song1/mp3.wav", 80), ("song2/ref.wav", "song2/mp3.wav", 30), ("a.wav", "opus/a.wav", 70)]
    rows += [("a.wav", "mp3/a.wav", 60), ("a.wav", "mp3/a.flac", 50), ("a.wav", "./a.wav", 99)]
    rows += [("b.wav", "mp3/b.wav", 40), ("b.wav", "b.wav", 98)]
    reading = reader("csv").read(table(tmp_path / "t.csv", ("reference", "degraded", "score"), rows))
    assert reading.problems == []
    assert {key[:2]: rating.value for key, rating in reading.ratings.items()} == {
        **{("song1/ref", "mp3"): 80, ("song2/ref", "mp3"): 30, ("a", "opus/a"): 70},
        **{("a", "mp3/a.wav"): 60, ("a", "mp3/a.flac"): 50, ("a", "reference"): 99},
        **{("b", "b"): 40, ("b", "reference"): 98},
    }
    assert reading.stimuli["song2/ref", "mp3"].reference == tmp_path / "song2" / "ref.wav"


def test_one_name_of_two_files_is_no_stimulus(tmp_path: Path) -> None:
    rows = [("1/ref.wav", "1/a.wav", 80, "x", "A"), ("2/ref.wav", "1/b.wav", 50, "x", "B")]
    rows += [("1/ref.wav", "2/a.wav", 40, "x", "A"), ("1/ref.wav", "1/b.wav", 30, "x", "B")]
    path = table(tmp_path / "t.csv", ("reference", "degraded", "score", "item", "condition"), rows)
    reading = reader("csv").read(path)
    assert reading.problems == [
        "t.csv line 3: x has another reference than in an earlier line; left out, give each a name of its own",
        "t.csv line 4: A of x is another file than in an earlier line; left out, give each a name of its own",
    ]
    assert {key[1]: rating.value for key, rating in reading.ratings.items()} == {"A": 80, "B": 30}


def test_a_valid_rating_takes_the_place_of_an_invalid_one(tmp_path: Path) -> None:
    rows = [("a.wav", "b.wav", score, "ann") for score in ("NaN", 80, 70)]
    reading = reader("csv").read(table(tmp_path / "t.csv", ("reference", "degraded", "score", "listener"), rows))
    assert [rating.value for rating in reading.ratings.values()] == [80]
    assert len(reading.problems) == 2


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (ANCHOR, ("low anchor", "MidAnchor", "anchor35", "3.5k anchor", "LP35", "lp 7 kHz", "LP3500", "lowpass_7000")),
        (REFERENCE, ("HiddenReference", "hiddenref", "hidden ref", "Hidden-Reference", "REF", "orig")),
        (CODED, ("reference codec", "TM7k", "LP10.5k", "opus 64")),
    ],
)
def test_names_tell_anchors_and_hidden_references(role: str, names: tuple[str, ...]) -> None:
    assert {role_of(name) for name in names} == {role}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("role", "boss", "the role 'boss' is unknown"), ("degraded", "", "names no reference or no degraded file")],
)
def test_a_bad_csv_line_is_named(tmp_path: Path, column: str, value: str, message: str) -> None:
    row = {"reference": "a.wav", "degraded": "b.wav", "score": "50", "role": "coded"}
    rows = [row.values(), (row | {column: value, "score": "40"}).values()]
    reading = reader("csv").read(table(tmp_path / "t.csv", tuple(row), [list(cells) for cells in rows]))
    assert len(reading.problems) == 1
    assert reading.problems[0].startswith("t.csv line 3: ")
    assert message in reading.problems[0]
    assert len(reading.ratings) == 1


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "x" * 201, "\x1b[2J"])
@pytest.mark.parametrize("column", ["item", "condition", "listener", "content", "group"])
def test_a_name_that_the_tables_cannot_hold_is_left_out(tmp_path: Path, column: str, name: str) -> None:
    rows = [("a.wav", "b.wav", 50, name), ("a.wav", "c.wav", 60, "fine")]
    reading = reader("csv").read(table(tmp_path / "t.csv", ("reference", "degraded", "score", column), rows))
    assert len(reading.ratings) == 1
    (problem,) = reading.problems
    assert f"the {column} " in problem
    assert problem.isprintable()


def test_a_file_whose_name_cannot_name_a_test_needs_another(tmp_path: Path) -> None:
    path = table(tmp_path / "a\tb.csv", ("reference", "degraded", "score"), [("a.wav", "b.wav", 50)])
    with pytest.raises(UserError, match="cannot name the test; give a name with --name"):
        reader("csv").read(path)
    assert reader("csv", name="mine").read(path).ratings
