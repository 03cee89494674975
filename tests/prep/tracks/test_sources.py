"""Finding music: any folder, mixtures before stems, corpora by their layout."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from deepaq.errors import UserError
from prep.tracks.corpora import CORPORA
from prep.tracks.sources import find_sources
from tests.prep.tracks.corpora.layout import lay
from tests.sounds import RATE, music, write


def test_a_folder_gives_its_audio_and_mixtures_before_stems(tmp_path: Path) -> None:
    lay(tmp_path, "a/x.wav", "a/Extended Mix.flac", ".hidden/y.wav", "a/.z.wav", "cover.jpg", "list.m3u", "-dash.OGG")
    for name in ("b/Mixture.wav", "b/drums.wav", "b/stems/bass.wav", "c/C_MIX.wav", "c/C_STEM.wav"):
        write(tmp_path / name, music(2))
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.wav").symlink_to(tmp_path / "nowhere")
    names = {source.name for source in find_sources([tmp_path])}
    assert names == {"-dash", "dangling", "a/x", "a/Extended Mix", "b/Mixture", "c/C_MIX"}


def test_the_number_of_stems_left_out_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seconds in (("mix.flac", 2.0), ("a/x.wav", 2.0), ("a/y.wav", 2.3), ("b/z.wav", 1.0)):
        write(tmp_path / name, music(seconds))
    assert [source.name for source in find_sources([tmp_path])] == ["mix"]
    assert "3 files beside or below a mixture" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Mix.wav", "mixdown.flac", "album_mix.wav"])
def test_a_track_called_mix_among_other_tracks_replaces_none(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for other, seconds in ((name, 3.0), ("one.wav", 2.0), ("two.wav", 4.0), ("more/three.wav", 5.0)):
        write(tmp_path / "album" / other, music(seconds))
    names = {source.name for source in find_sources([tmp_path / "album"])}
    assert names == {Path(name).stem, "one", "two", "more/three"}
    assert "stems" not in capsys.readouterr().err


def test_tracks_of_one_length_beside_one_called_mix_stay(tmp_path: Path) -> None:
    """Equal lengths make no stems: these do not add up to the mix, and some that do are found beside them."""
    noise = np.random.default_rng(1).standard_normal((4, 2 * RATE, 2)).astype(np.float32) / 20
    for name, samples in zip(("Mix.wav", "one.wav", "more/two.wav", "more/three.wav"), noise, strict=True):
        write(tmp_path / "songs" / name, samples)
    write(tmp_path / "parts" / "Mix.wav", noise[0] + 0.5 * noise[1] + noise[2])
    write(tmp_path / "parts" / "drums.wav", noise[0] + noise[3])
    write(tmp_path / "parts" / "bass.wav", noise[1])
    assert {source.name for source in find_sources([tmp_path / "songs"])} == {"Mix", "one", "more/two", "more/three"}
    assert {source.name for source in find_sources([tmp_path / "parts"])} == {"Mix"}


def test_audio_formats_that_are_not_read_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(tmp_path, "x.wav", "a.shn", "b/c.DFF", "b/d.dff", "cover.jpg", "notes.txt")
    assert [source.name for source in find_sources([tmp_path])] == ["x"]
    assert f"{tmp_path}: skipped files of kinds that are not read (2 .dff, 1 .shn)" in capsys.readouterr().err


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


def test_a_corpus_is_recognised_by_its_layout_or_chosen_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path, *(f"{part}/A - B/{stem}.wav" for part in ("train", "test") for stem in ("mixture", "drums")))
    assert {source.split for source in find_sources([tmp_path])} == {"train", "test"}
    assert "read as MUSDB18-HQ" in capsys.readouterr().err
    assert {source.split for source in find_sources([tmp_path], "folder")} == {None}
    with pytest.raises(UserError, match="does not have the layout of MAESTRO"):
        find_sources([tmp_path], "maestro")
    with pytest.raises(UserError, match="--corpus nothing: unknown corpus"):
        find_sources([tmp_path], "nothing")


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_has_a_title_and_a_licence_and_only_folder_takes_any_folder(name: str, tmp_path: Path) -> None:
    corpus = CORPORA[name]
    assert corpus.title
    assert corpus.licence
    assert corpus.recognises(tmp_path) == (name == "folder")
