"""Finding music: any folder, mixtures before stems, corpora by their layout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deepaq.errors import UserError
from prep.tracks.corpora import CORPORA
from prep.tracks.sources import find_sources
from tests.prep.tracks.corpora.layout import lay


def test_a_folder_gives_its_audio_and_mixtures_before_stems(tmp_path: Path) -> None:
    lay(tmp_path, "a/x.wav", "a/Extended Mix.flac", "b/Mixture.wav", "b/drums.wav", "b/stems/bass.wav",
        "c/C_MIX.wav", "c/C_STEM.wav", ".hidden/y.wav", "a/.z.wav", "cover.jpg", "list.m3u", "-dash.OGG")  # fmt: skip
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.wav").symlink_to(tmp_path / "nowhere")
    names = {source.name for source in find_sources([tmp_path])}
    assert names == {"-dash", "dangling", "a/x", "a/Extended Mix", "b/Mixture", "c/C_MIX"}


def test_what_is_left_out_as_stems_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(tmp_path, "mix.flac", "a/x.wav", "a/y.wav", "b/z.wav")
    assert [source.name for source in find_sources([tmp_path])] == ["mix"]
    assert "3 files beside or below a mixture" in capsys.readouterr().err


def test_a_folder_that_cannot_be_searched_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, "a/x.wav", "b/y.wav")
    original = os.scandir

    def scandir(path: str) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)  # root may read everything
    with pytest.raises(UserError, match="b: cannot be searched"):
        find_sources([tmp_path])


def test_a_name_that_is_no_text_is_escaped(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "caf") + b"\xe9.flac"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    (source,) = find_sources([tmp_path])
    assert source.name == "caf\\xe9"
    assert source.parts[0].exists()


def test_a_folder_that_only_looks_like_a_corpus_is_a_folder(tmp_path: Path) -> None:
    lay(tmp_path, "a/x.wav", a__data_DOT_json="{}")
    assert [source.name for source in find_sources([tmp_path])] == ["a/x"]


def test_a_named_file_is_taken_whatever_its_name_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, "x.dat", "a/x.wav")
    monkeypatch.chdir(tmp_path)
    sources = find_sources([Path("x.dat"), tmp_path / "a", Path("a/x.wav")])
    assert [source.parts[0] for source in sources] == [tmp_path / "x.dat", tmp_path / "a" / "x.wav"]


def test_a_corpus_is_recognised_or_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(tmp_path, *(f"{part}/A - B/{stem}.wav" for part in ("train", "test") for stem in ("mixture", "drums")))
    assert {source.split for source in find_sources([tmp_path])} == {"train", "test"}
    assert "read as MUSDB18-HQ" in capsys.readouterr().err
    assert {source.split for source in find_sources([tmp_path], "folder")} == {None}
    with pytest.raises(UserError, match="has not the layout of MAESTRO"):
        find_sources([tmp_path], "maestro")
    with pytest.raises(UserError, match="--corpus nothing: unknown corpus"):
        find_sources([tmp_path], "nothing")


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_says_what_it_is(name: str, tmp_path: Path) -> None:
    corpus = CORPORA[name]
    assert corpus.title
    assert corpus.licence
    assert corpus.recognises(tmp_path) == (name == "folder")
