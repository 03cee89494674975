"""No import takes audio from outside the test's folder, whatever the format."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from labels.importing.stage import ImportSettings, import_test
from labels.listening.reader import reader
from manifests.dataset import Dataset
from tests.labels.listening.listening_layouts import audio, igorc96, odaq, table, webmushra
from tests.labels.listening.test_webmushra import HEADER, ONE, configured, page


def stored(folder: Path) -> int:
    return len(list((folder / "audio").rglob("*.*"))) if folder.exists() else 0


def test_csv_files_elsewhere_are_refused_unless_they_are_allowed(tmp_path: Path) -> None:
    audio(tmp_path / "secret.wav", 1)
    audio(tmp_path / "in" / "b.wav", 2)
    path = table(tmp_path / "in" / "t.csv", ("reference", "degraded", "score"), [("../secret.wav", "b.wav", 50)])
    result = import_test("csv", path, tmp_path / "out", ONE)
    assert (result["ok"], stored(tmp_path / "out")) == (0, 0)
    assert "lies outside the test's folder; move it there, or allow it with --outside" in result["errors"][0]
    allowed = import_test("csv", path, tmp_path / "out", ImportSettings(jobs=1, quiet=True, outside=True))
    assert (allowed["ok"], allowed["errors"]) == (1, [])


def test_a_refused_path_is_named_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test in the current folder, whose own path is a dot."""
    audio(tmp_path / "elsewhere.wav", 1)
    audio(tmp_path / "test" / "b.wav", 1)
    table(tmp_path / "test" / "t.csv", ("reference", "degraded", "score"), [("b.wav", "../elsewhere.wav", 50)])
    monkeypatch.chdir(tmp_path / "test")
    result = import_test("csv", Path("t.csv"), tmp_path / "out", ImportSettings(jobs=1, quiet=True))
    assert "../elsewhere.wav: lies outside" in result["errors"][0]


def test_a_link_out_of_the_folder_is_outside(tmp_path: Path) -> None:
    secret = audio(tmp_path / "secret.wav", 1)
    audio(tmp_path / "in" / "a.wav", 2)
    (tmp_path / "in" / "b.wav").symlink_to(secret)
    path = table(tmp_path / "in" / "t.csv", ("reference", "degraded", "score"), [("a.wav", "b.wav", 50)])
    result = import_test("csv", path, tmp_path / "out", ONE)
    assert (result["ok"], result["failed"]) == (0, 1)


def test_webmushra_names_with_dots_are_outside(tmp_path: Path) -> None:
    audio(tmp_path / "secret.wav", 1)
    audio(tmp_path / "in" / "c.wav", 2)
    source = configured(tmp_path / "in", page("a", "../secret.wav", C="c.wav"), [("a", "C", "50")])
    result = import_test("webmushra", source, tmp_path / "out", ONE)
    assert (result["ok"], stored(tmp_path / "out")) == (0, 0)
    bare = table(tmp_path / "bare" / "mushra.csv", HEADER, [("t", "u", "..", "secret", "50")]).parent
    assert import_test("webmushra", bare, tmp_path / "out", ONE)["ok"] == 0


def test_odaq_items_with_dots_are_outside(tmp_path: Path) -> None:
    odaq(tmp_path / "in")
    path = tmp_path / "in" / "ODAQ" / "ODAQ_listening_test" / "ODAQ_results.csv"
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    for name in ("reference", "LP70"):
        audio(tmp_path / "secret" / f"{name}.wav", 1)
    rows.append(["50", "TM", "Q1", "LP70", "../../../secret", "Subject 1: eve"])
    table(path, rows[0], rows[1:])
    result = import_test("odaq", tmp_path / "in", tmp_path / "out", ONE)
    assert (result["ok"], result["failed"]) == (10, 1)
    assert all("secret" not in (row["track_path"] or "") for row in Dataset(tmp_path / "out").references().to_pylist()
               if row["status"] == "ok")  # fmt: skip


@pytest.mark.parametrize(
    "link",
    ["#", "javascript:alert(1)", "https://example.org/x.wav", "/etc/x.wav", "//host/x.wav", "http://[", "%00", ""],
)
def test_igorc96_links_to_anything_else_name_no_file(tmp_path: Path, link: str) -> None:
    igorc96(tmp_path)
    path = tmp_path / "results.htm"
    path.write_text(path.read_text().replace("tracks/set1/02_opus.wav", link))
    stimulus = reader("igorc96").read(tmp_path).stimuli["tracks/set1/02", "Opus"]
    assert stimulus.degraded is None or not stimulus.degraded.exists() or link == "%00"
    reference = path.read_text().replace('href="tracks/set1/02.wav"', f'href="{link}"')
    path.write_text(reference)
    assert len(reader("igorc96").read(tmp_path).ratings) >= 6


def test_an_igorc96_link_upwards_is_outside(tmp_path: Path) -> None:
    igorc96(tmp_path / "in")
    audio(tmp_path / "secret.wav", 1)
    path = tmp_path / "in" / "results.htm"
    path.write_text(path.read_text().replace("tracks/set1/02_opus.wav", "../secret.wav"))
    result = import_test("igorc96", tmp_path / "in", tmp_path / "out", ONE)
    assert (result["ok"], result["failed"]) == (11, 1)
    assert "lies outside the test's folder" in result["errors"][0]


def test_the_audio_of_webmushra_lies_beside_its_configuration(tmp_path: Path) -> None:
    webmushra(tmp_path / "in")
    result = import_test("webmushra", tmp_path / "in" / "results", tmp_path / "out", ONE)
    assert (result["ok"], result["errors"]) == (6, [])
