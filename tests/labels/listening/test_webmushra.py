"""webMUSHRA: choice of audio files, sessions without ids, layouts, and untrusted configurations."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from deepaq.errors import UserError
from labels.importing.stage import ImportSettings, import_test, plan
from labels.listening.reader import Reading, reader
from manifests.dataset import Dataset
from tests.labels.listening.listening_layouts import audio, table, webmushra

HEADER = ("session_test_id", "session_uuid", "trial_id", "rating_stimulus", "rating_score")
ONE = ImportSettings(jobs=1, quiet=True)


def read(folder: Path, **options: str) -> Reading:
    return reader("webmushra", **options).read(folder)


def configured(folder: Path, pages: str, rows: list[tuple[str, ...]]) -> Path:
    """A test whose configuration is `pages` and whose results are `rows` of trial, stimulus and score."""
    table(folder / "mushra.csv", HEADER, [("t", "u0", *row) for row in rows])
    (folder / "t.yaml").write_text(f"testId: t\npages:\n{pages}")
    return folder


def page(item: str, reference: str, **stimuli: str) -> str:
    named = ", ".join(f"{name}: {file}" for name, file in stimuli.items())
    return f"  - {{type: mushra, id: {item}, reference: {reference}, stimuli: {{{named}}}}}\n"


def test_a_missing_file_is_never_another_items(tmp_path: Path) -> None:
    """Four stimuli, three of them missing: none may be rated on the audio of the one that is there."""
    items = [f"item{i}" for i in range(1, 5)]
    pages = "".join(page(i, f"audio/{i}/reference.wav", codec=f"audio/{i}/codec.wav") for i in items)
    rows = [(i, name, score) for i in items for name, score in (("reference", "95"), ("codec", "60"))]
    source = configured(tmp_path / "in", pages, rows)
    for seed, item in enumerate(items):
        audio(source / item / "reference.wav", seed)
    audio(source / "item1" / "codec.wav", 0, 0.1)
    result = import_test("webmushra", source, tmp_path / "out", ONE)
    assert (result["ok"], result["failed"], len(result["errors"])) == (5, 3, 3)
    rated = Dataset(tmp_path / "out").degraded(["item", "condition", "path", "status"]).to_pylist()
    assert {(r["item"], r["status"]) for r in rated if r["condition"] == "codec"} == {
        ("item1", "ok"), ("item2", "failed"), ("item3", "failed"), ("item4", "failed"),
    }  # fmt: skip
    missing = plan("webmushra", source, tmp_path / "out", ONE)["errors"]
    assert missing == [f"audio/item{i}/codec.wav: no such file" for i in (2, 3, 4)]


def test_a_bare_name_is_searched_for_when_one_stimulus_can_mean_it(tmp_path: Path) -> None:
    pages = page("a", "ref_a.wav", C1="lone.wav", C2="shared.wav") + page("b", "ref_b.wav", C1="x/shared.wav")
    source = configured(tmp_path, pages, [("a", "C1", "50"), ("a", "C2", "50"), ("b", "C1", "50")])
    lone, shared = audio(tmp_path / "deep" / "lone.wav", 1), audio(tmp_path / "deep" / "shared.wav", 2)
    stimuli = read(source).stimuli
    assert stimuli["a", "C1"].degraded == lone
    assert stimuli["a", "C2"].degraded not in (shared, lone)
    assert stimuli["b", "C1"].degraded != shared


def test_a_file_that_two_paths_would_share_belongs_to_neither(tmp_path: Path) -> None:
    pages = page("a", "one/s/ref.wav", C="one/s/c.wav") + page("b", "two/s/ref.wav", C="two/s/c.wav")
    source = configured(tmp_path, pages, [("a", "C", "50"), ("b", "C", "60")])
    shared = audio(tmp_path / "s" / "c.wav", 1)
    assert shared not in {s.degraded for s in read(source).stimuli.values()}


def test_a_whole_trial_again_is_another_session(tmp_path: Path) -> None:
    header = ("session_test_id", "email", "age", "trial_id", "rating_stimulus", "rating_score")
    session = [(trial, stimulus) for trial in ("t0", "t1") for stimulus in ("C1", "C2")]
    rows = [("t", who, "", *each, 10 * n) for n, who in enumerate(("P1", "", "P1", "", "")) for each in session]
    table(tmp_path / "mushra.csv", header, rows)
    reading = read(tmp_path)
    assert len(reading.ratings) == 20
    assert reading.problems == []
    assert {key[2] for key in reading.ratings} == {
        "P1 ", "P1  (2)", "one session", "one session (2)", "one session (3)",
    }  # fmt: skip


def test_names_that_yaml_takes_for_other_types_stay_names(tmp_path: Path) -> None:
    stimuli = {"on": "on.wav", "1.50": "x.wav", "no": "no.wav"}
    source = configured(tmp_path, page("007", "ref.wav", **stimuli), [("007", name, "50") for name in stimuli])
    reading = read(source)
    assert reading.problems == []
    assert {key[1] for key in reading.stimuli} == set(stimuli)


def test_the_configuration_is_found_above_the_results(tmp_path: Path) -> None:
    webmushra(tmp_path)
    reading = read(tmp_path / "results" / "codecs")
    assert reading.stimuli["trial1", "C1"].degraded == tmp_path / "configs/resources/audio/trial1_c1.wav"
    result = import_test("webmushra", tmp_path / "results" / "codecs", tmp_path / "out", ONE)
    assert (result["ok"], result["errors"]) == (6, [])


def test_one_of_several_results_is_chosen_by_its_folder(tmp_path: Path) -> None:
    for name in ("first", "second"):
        table(tmp_path / "results" / name / "mushra.csv", HEADER, [("t", name, "a", "C", "50")])
    with pytest.raises(UserError, match=r"holds 2 results \(first, second\); choose one by its folder with --name"):
        read(tmp_path)
    assert {key[2] for key in read(tmp_path, name="second").ratings} == {"second"}


def test_ratings_of_one_to_five_on_a_scale_to_a_hundred_are_refused(tmp_path: Path) -> None:
    rows = [("t", "u", str(i), "C", str(score)) for i, score in enumerate((1, 3, 4.5, 5))]
    table(tmp_path / "mushra.csv", HEADER, rows)
    with pytest.raises(UserError, match="all ratings lie between 1 and 5 of a scale from 0 to 100; state the scale"):
        read(tmp_path)
    assert len(read(tmp_path, lowest="0", highest="100").ratings) == 4


def test_a_new_data_set_without_any_audio_is_not_left_behind(tmp_path: Path) -> None:
    source = configured(tmp_path / "in", page("a", "ref.wav", C="c.wav"), [("a", "C", "50")])
    result = import_test("webmushra", source, tmp_path / "out", ONE)
    assert result["ok"] == 0
    assert result["errors"][-1].endswith("out: not made, because no stimulus could be stored")
    assert not (tmp_path / "out").exists()


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "uses an alias"),
        ("a: &a [*a]\n", "uses an alias"),
        ("[" * 5000, "more than 50 levels"),
        ("pages: " + "{a: " * 3000, "more than 50 levels"),
        ("x: " + "y" * 1_000_001, "has 1,000,004 bytes"),
        ("testId: !!python/object/apply:os.system [echo]\n", ""),
        ("\x00", "cannot be read as YAML"),
        ("? [a, b]\n: c\n", "cannot be read as YAML"),
    ],
    ids=["bomb", "cycle", "deep", "deep maps", "large", "object", "null", "odd key"],
)
def test_a_hostile_configuration_is_one_line_at_once(tmp_path: Path, text: str, message: str) -> None:
    table(tmp_path / "mushra.csv", HEADER, [("t", "u", "a", "C", "50")])
    (tmp_path / "t.yaml").write_text(text)
    begun = time.monotonic()
    if message:
        with pytest.raises(UserError, match=message) as caught:
            read(tmp_path)
        assert "\n" not in str(caught.value)
    else:
        assert len(read(tmp_path).ratings) == 1
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "pages", ["3", "{a: b}", "[3, x, [[]], {type: mushra}, {type: mushra, reference: {a: b}, stimuli: [x]}]", ""]
)
def test_pages_of_other_types_are_passed_over(tmp_path: Path, pages: str) -> None:
    table(tmp_path / "mushra.csv", HEADER, [("t", "u", "a", "C", "50")])
    (tmp_path / "t.yaml").write_text(f"testId: t\npages: {pages}\n")
    assert len(read(tmp_path).ratings) == 1


def test_a_pipe_called_a_configuration_is_not_opened(tmp_path: Path) -> None:
    table(tmp_path / "mushra.csv", HEADER, [("t", "u", "a", "C", "50")])
    os.mkfifo(tmp_path / "t.yaml")
    assert len(read(tmp_path).ratings) == 1
