"""MoisesDB: sources are sums of all their tracks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepaq.errors import UserError
from prep.tracks.corpora import CORPORA
from tests.prep.tracks.corpora.layout import found, lay

SONG = {"artist": "A", "song": "One", "genre": "rock", "stems": [
    {"stemName": "drums", "tracks": [{"id": "k", "extension": "wav"}, {"id": "s", "extension": "wav"}]},
    {"stemName": "bass", "tracks": [{"id": "b", "extension": "wav"}]},
]}  # fmt: skip


@pytest.mark.parametrize("home", ["moisesdb/moisesdb_v0.1/0b", "moisesdb_v0.1/0b", "0b"])
def test_all_tracks_of_all_stems_are_parts(tmp_path: Path, home: str) -> None:
    root = lay(tmp_path, *(f"{home}/{part}.wav" for part in ("drums/k", "drums/s", "bass/b")))
    (root / home / "data.json").write_text(json.dumps(SONG))
    (source,) = found(root, "moisesdb").values()
    assert (source.name, source.split) == ("A - One", None)
    assert [part.stem for part in source.parts] == ["b", "k", "s"]


def test_a_broken_description_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"0b/data\.json"):
        list(CORPORA["moisesdb"].sources(lay(tmp_path, "0b/data.json")))


@pytest.mark.parametrize("name", ["..", "../../elsewhere", "/etc"])
def test_a_stem_outside_the_corpus_is_refused(tmp_path: Path, name: str) -> None:
    described = {"artist": "A", "song": "B", "stems": [{"stemName": name, "tracks": [{"id": "b", "extension": "wav"}]}]}
    lay(tmp_path, a__data_DOT_json=json.dumps(described))
    with pytest.raises(UserError, match=r"data\.json: names .*, which is not a file below"):
        list(CORPORA["moisesdb"].sources(tmp_path))


def test_a_description_without_stems_is_refused(tmp_path: Path) -> None:
    lay(tmp_path, a__data_DOT_json='{"artist": "A", "song": "B", "stems": []}')
    with pytest.raises(UserError, match=r"data\.json: names no stems"):
        list(CORPORA["moisesdb"].sources(tmp_path))
