"""Pairs of reference and degraded file: from folders, lists and names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deepaq.batch import pairs
from deepaq.cli import main
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from tests.deepaq.scoring.test_metric import metric, noisy
from tests.sounds import music, write


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    checkpoint.save(folder, metric().model)
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """a/one.wav, and a degraded file of it in b."""
    sound = music(1, 1)
    write(tmp_path / "a" / "one.wav", sound)
    write(tmp_path / "b" / "one.flac", noisy(sound, 0.01))
    return tmp_path


def scored(run: Path, *arguments: object, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(main, ["score", *map(str, arguments), "--model", str(run)], input=stdin)


def test_a_folder_gate_misses_nothing(folders: Path, run: Path) -> None:
    assert scored(run, folders / "a", folders / "b", "--min-mos", 1).exit_code == 0
    lonely = write(folders / "a" / "two.wav", music(1, 2))
    done = scored(run, folders / "a", folders / "b", "--min-mos", 1)
    assert (done.exit_code, f"{lonely}: {folders / 'b'} holds no file of that name" in done.stderr) == (1, True)
    assert len(done.stdout.splitlines()) == 1
    twin = write(folders / "a" / "one.flac", music(1, 3))
    done = scored(run, folders / "a", folders / "b")
    assert (done.exit_code, f"{twin} and {folders / 'a/one.wav'} both match" in done.stderr) == (2, True)


def test_lists_as_windows_and_people_write_them(folders: Path, run: Path) -> None:
    table = folders / "pairs.csv"
    table.write_bytes("\ufeffreference,degraded\r\na/one.wav,b/one.flac\r\n".encode())
    assert scored(run, "--pairs", table).exit_code == 0
    table.write_text("reference , degraded\na/one.wav, b/one.flac\n")
    assert scored(run, "--pairs", table).exit_code == 0
    assert scored(run, folders / "a/one.wav", "-", stdin=f"\ufeff{folders / 'b/one.flac'}\r\n").exit_code == 0
    table.write_text("reference,degraded\n\n\na/one.wav,\n")
    with pytest.raises(UserError, match="line 4 lacks a path"):
        pairs.listed(str(table))
    table.write_text("reference,degraded\na/one.wav," + "x" * 200_000 + "\n")
    with pytest.raises(UserError, match="is not CSV"):
        pairs.listed(str(table))


def test_a_name_that_cannot_be_looked_up_is_one_failed_row(folders: Path, run: Path) -> None:
    done = scored(run, folders / "a/one.wav", "x" * 300, folders / "b/one.flac")
    assert (done.exit_code, done.stderr.count("error:")) == (1, 1)
    assert len(done.stdout.splitlines()) == 1


def test_names_that_are_no_text_or_look_like_formulas(folders: Path, run: Path) -> None:
    odd = [folders / "b" / name for name in ("_$\\x$.flac", "bad\udce9.flac", "two\nlines.flac")]
    for path in odd:
        path.write_bytes((folders / "b/one.flac").read_bytes())
    for suffix in ("csv", "json", "png"):
        done = scored(run, folders / "a/one.wav", *odd, "--timeline", folders / f"time.{suffix}")
        assert done.exit_code == 0, done.output
        assert len(done.stdout.splitlines()) == 3
    for suffix in ("npz", "parquet"):
        out = folders / f"e.{suffix}"
        done = CliRunner().invoke(main, ["embed", *map(str, odd), "--model", str(run), "--out", str(out)])
        assert done.exit_code == 0, done.output
    assert not [path for path in folders.iterdir() if path.name.startswith(".partial")]


def test_a_timeline_tells_references_apart_and_never_costs_the_result(folders: Path, run: Path) -> None:
    other = write(folders / "a" / "other.wav", music(1, 2))
    table = folders / "pairs.csv"
    table.write_text("reference,degraded\na/one.wav,b/one.flac\na/other.wav,b/one.flac\n")
    assert scored(run, "--pairs", table, "--timeline", folders / "t.json").exit_code == 0
    rows = json.loads((folders / "t.json").read_text())
    assert [row["reference"] for row in rows] == [str(folders / "a/one.wav"), str(other)]
    (folders / "d.csv").mkdir()
    done = scored(run, folders / "a/one.wav", folders / "b/one.flac", "--timeline", folders / "d.csv")
    assert (done.exit_code, "is a folder" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--references", "2"], "sets the number of files of --against"),
        (["--min-mos", "nan"], "give a MOS, 1 to"),
        (["--min-mos", "9"], "this model rates nothing higher"),
        (["--allow-shorter"], "modifies --min-mos"),
        (["--against", ""], "an empty name is not a file"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_options_that_make_no_sense(folders: Path, run: Path, arguments: list[str], says: str) -> None:
    done = scored(run, folders / "a/one.wav", folders / "b/one.flac", *arguments)
    assert (done.exit_code, says in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("reference;degraded\na;b\n", "its columns are separated by semicolons; separate them by commas"),
        ("reference\tdegraded\na\tb\n", "its columns are separated by tabs"),
        ("ref,deg\na,b\n", "its first line is 'ref,deg'; the first line must name the columns reference and degraded"),
        ("", "it is empty; the first line must name"),
    ],
)
def test_a_list_of_another_form_is_refused_by_what_it_holds(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(UserError) as error:
        pairs.listed(str(tmp_path / "pairs.csv"))
    assert says in str(error.value)


@pytest.mark.parametrize("name", ["one_96k.flac", "One.flac"])
def test_names_that_differ_by_an_ending_or_by_case_point_to_a_list(folders: Path, name: str) -> None:
    (folders / "b" / "one.flac").rename(folders / "b" / name)
    with pytest.raises(UserError, match=r"holds no file of that name, only one\.wav; .*--pairs"):
        pairs.named([folders / "a", folders / "b"])


def test_an_empty_folder_is_named(folders: Path) -> None:
    (folders / "c").mkdir()
    (folders / "c" / "notes.txt").touch()
    found, lost = pairs.named([folders / "a/one.wav", folders / "b", folders / "c"])
    assert (len(found), lost) == (1, [f"{folders / 'c'}: holds no audio files"])
    assert pairs.degraded_only([folders / "b", folders / "c"])[1] == lost
    assert pairs.named([folders / "a", folders / "b", folders / "c"])[1] == lost


@pytest.mark.parametrize("suffix", [".m4b", ".weba", ".M4A", ".flv"])
def test_folders_hold_every_kind_of_audio(folders: Path, suffix: str) -> None:
    (folders / "b" / "one.flac").rename(folders / "b" / f"one{suffix}")
    assert pairs.named([folders / "a", folders / "b"])[1] == []
