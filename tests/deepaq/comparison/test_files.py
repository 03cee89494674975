"""The files of a comparison: folders and lists name the same originals, and nothing is left out in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepaq.comparison.files import degraded, originals
from deepaq.errors import UserError

NAMES = ("rock/1", "rock/2", "jazz/1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Originals, and a side of the same names; the names are all that counts here."""
    for name in NAMES:
        for side, suffix in (("clean", "flac"), ("new", "opus")):
            path = tmp_path / side / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return tmp_path


def listing(path: Path, *pairs: tuple[str, str]) -> Path:
    path.write_text("\n".join(["reference,degraded", *map(",".join, pairs)]) + "\n")
    return path


def test_a_list_names_the_same_files_as_a_folder(folder: Path) -> None:
    pairs = [(f"clean/{name}.flac", f"new/{name}.opus") for name in NAMES]
    found = listing(folder / "new.csv", *pairs)
    by_folder, by_list = originals(folder / "clean"), originals(found)
    assert by_folder.files == by_list.files
    assert by_folder.tracks == by_list.tracks == {"rock/1": "rock", "rock/2": "rock", "jazz/1": "jazz"}
    sides = [degraded(path, clean) for path in (found, folder / "new") for clean in (by_folder, by_list)]
    assert all(side == sides[0] for side in sides)
    assert sides[0].name == "new"
    assert not sides[0].problems


def test_files_beside_each_other_are_a_track_each(folder: Path) -> None:
    clean = originals(listing(folder / "a.csv", *((f"clean/rock/{i}.flac", f"new/rock/{i}.opus") for i in (1, 2))))
    assert clean.tracks == {"1": "1", "2": "2"}


def test_what_a_list_lacks_or_has_too_much_is_named(folder: Path) -> None:
    clean = originals(folder / "clean")
    part = listing(
        folder / "part.csv",
        *[("clean/rock/1.flac", "new/rock/1.opus"), ("clean/jazz/2.flac", "new/jazz/2.opus")],
        ("clean/jazz/1.flac", "new/jazz/1.opus"),
    )
    side = degraded(part, clean)
    assert set(side.files) == {"rock/1", "jazz/1"}
    assert any("clean/jazz/2.flac is none of the originals" in line for line in side.problems)
    assert any("lists no file for rock/2" in line for line in side.problems)


def test_a_list_with_two_files_for_an_original_is_refused(folder: Path) -> None:
    twice = listing(folder / "twice.csv", *[("clean/rock/1.flac", f"new/rock/{i}.opus") for i in (1, 2)])
    with pytest.raises(UserError, match=r"twice\.csv: lists .* and .* for .*rock/1\.flac"):
        degraded(twice, originals(folder / "clean"))
    (folder / "clean" / "rock" / "1.wav").touch()
    both = listing(folder / "both.csv", *[(f"clean/rock/1.{kind}", "new/rock/1.opus") for kind in ("flac", "wav")])
    with pytest.raises(UserError, match="differ by their suffix only"):
        originals(both)


def test_a_file_that_is_no_list_is_refused(folder: Path) -> None:
    (folder / "other.csv").write_text("name;file\n")
    with pytest.raises(UserError, match="semicolons"):
        originals(folder / "other.csv")
    with pytest.raises(UserError, match="is no folder"):
        originals(folder / "clean" / "rock" / "1.flac")
