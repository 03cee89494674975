"""Ratings that come to a data set which has some: corrected ones, and ones of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deepaq.errors import UserError
from labels.importing.stage import ImportSettings, import_test
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from tests.labels.listening.listening_layouts import audio, sebass, table

ONE = ImportSettings(jobs=1, quiet=True)


def test_ratings_that_were_corrected_or_removed_since_are_named(tmp_path: Path) -> None:
    folder, out = sebass(tmp_path / "in", "SiSEC08"), tmp_path / "out"
    import_test("sisec08", folder, out, ONE)
    before = Dataset(out).labels().to_pylist()
    path = folder / "SiSEC08_anonymized.csv"
    lines = path.read_text().splitlines(keepends=True)
    changed = lines[1].replace("97.0", "12")
    path.write_text("".join([lines[0], changed, *(line for line in lines[2:] if ",ben," not in line)]))
    errors = import_test("sisec08", folder, out, ONE)["errors"]
    assert [line.partition(" ratings")[0] for line in errors] == ["ann: 10", "ben: 10"]
    assert "1 differ in the file and 0 are not in it; those there are kept" in errors[0]
    assert "0 differ in the file and 10 are not in it" in errors[1]
    assert errors[0].endswith("import into a new folder if they should not")
    assert Dataset(out).labels().to_pylist() == before


def rated(folder: Path, scores: dict[str, float], **options: str) -> tuple[Path, str]:
    """A data set of a version rated by two, and the version's degraded_id."""
    audio(folder / "a.wav", 1)
    audio(folder / "b.wav", 1, 0.1)
    rows = [("a.wav", "b.wav", score, who) for who, score in scores.items()]
    path = table(folder / "t.csv", ("reference", "degraded", "score", "listener"), rows)
    import_test("csv", path, folder / "out", ImportSettings(tuple(options.items()), 1, True))
    (row,) = Dataset(folder / "out").degraded().to_pylist()
    return folder / "out", row["degraded_id"]


def mean(out: Path) -> dict[str, Any]:
    (row,) = Dataset(out).labels("listeners").to_pylist()
    return row | {"extras": dict(row["extras"])}


def test_ratings_of_ones_own_are_on_the_scale_of_those_that_are_there(tmp_path: Path) -> None:
    out, name = rated(tmp_path, {"ann": 3, "ben": 4}, scale="ACR")
    path = table(tmp_path / "mine.csv", ("degraded_id", "score", "listener"), [(name, 5, "cleo"), (name, 60, "dora")])
    errors = import_test("csv", path, out, ONE)["errors"]
    assert len(errors) == 1
    assert "the rating 60 is outside 1 to 5" in errors[0]
    row = mean(out)
    assert (row["value"], row["scale"]) == (4, "ACR")
    assert (row["extras"]["scale_low"], row["extras"]["scale_high"]) == (1, 5)
    assert read_footer(fragments(out / "labels")[-1])["settings"]["test"]["scale"] == "ACR"
    assert import_test("csv", tmp_path / "t.csv", out, ImportSettings((("scale", "ACR"),), 1, True))["errors"] == []


@pytest.mark.parametrize(("option", "value"), [("scale", "MUSHRA"), ("highest", "10"), ("lowest", "0")])
def test_another_scale_than_that_of_the_ratings_there_is_refused(tmp_path: Path, option: str, value: str) -> None:
    out, name = rated(tmp_path, {"ann": 3}, scale="ACR")
    path = table(tmp_path / "mine.csv", ("degraded_id", "score", "listener"), [(name, 5, "cleo")])
    with pytest.raises(UserError, match=rf"--{option} {value}: .*holds ratings of scale ACR, 1 to 5; leave it out"):
        import_test("csv", path, out, ImportSettings(((option, value),), 1, True))
    assert mean(out)["value"] == 3
