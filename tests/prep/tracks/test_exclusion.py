"""Exclusion lists: which lines name which tracks, and lines that name none."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from deepaq.errors import UserError
from prep.tracks.exclusion import Exclusion
from prep.tracks.sources import find_sources
from prep.tracks.track import Track
from prep.transcode import Settings, transcode
from tests.prep.tracks.corpora.layout import lay
from tests.sounds import music, write

ID = "0123456789abcdef01234567"


def excluded(folder: Path, *lines: str) -> tuple[set[str], list[str]]:
    """The names of the tracks below `folder` that a list leaves out, and its lines that match nothing."""
    listed = folder.parent / "out.txt"
    listed.write_text("\n".join(lines), encoding="utf-8")
    tracks = [Track(source, f"{number:024x}") for number, source in enumerate(find_sources([folder]))]
    found = Exclusion.read([listed]).match(tracks)
    return {track.source.name for matched in found.values() for track in matched}, [
        line.text for line, matched in found.items() if not matched
    ]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("plain.wav", {"plain"}),
        ("plain", {"plain"}),
        ("PLAIN.WAV", {"plain"}),
        ("./plain.wav", {"plain"}),
        ("plain.flac", {"plain"}),
        ("Song [live].wav", {"Song [live]"}),
        ("song live", {"Song [live]"}),
        ("AC[DC]/x.wav", {"AC[DC]/x"}),
        ("AC[DC]/x", {"AC[DC]/x"}),
        ("AC[DC]\\x.wav", {"AC[DC]/x"}),
        ("AC[DC]/", {"AC[DC]/x", "AC[DC]/y"}),
        ("deep/er/", {"deep/er/x", "deep/er/still/x"}),
        ("deep/er", {"deep/er/x", "deep/er/still/x"}),
        ("er/still/x.wav", {"deep/er/still/x"}),
        ("er/*.wav", {"deep/er/x"}),
        ("deep/e*/", {"deep/er/x", "deep/er/still/x"}),
        ("Song [kl]*", {"Song l"}),
        ("What?.wav", {"What?"}),
        ("back\\slash", {"back\\slash"}),
        ("artist - a tune", {"Artist - A Tune!"}),
        ("x", {"AC[DC]/x", "deep/er/x", "deep/er/still/x"}),
        ("no such song", set()),
        ("*.mp3", set()),
        ("#plain.wav", set()),
    ],
)
def test_a_line_of_the_list_excludes_the_tracks_that_it_names(tmp_path: Path, line: str, names: set[str]) -> None:
    lay(tmp_path / "music", "plain.wav", "Song [live].wav", "Song l.wav", "AC[DC]/x.wav", "AC[DC]/y.wav",
        "deep/er/x.wav", "deep/er/still/x.wav", "What?.wav", "Whatx.wav", "back\\slash.wav",
        "Artist - A Tune!.wav")  # fmt: skip
    found, unmatched = excluded(tmp_path / "music", line)
    assert found == names
    assert unmatched == ([] if names or line.startswith("#") else [line])


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_composed_and_decomposed_characters_are_the_same(tmp_path: Path, stored: str, written: str) -> None:
    lay(tmp_path / "music", unicodedata.normalize(stored, "Café/Ängström.wav"), "other.wav")
    for line in ("Ängström.wav", "Café/Ängström.wav", "Café/", "Caf?/*.wav"):
        found, unmatched = excluded(tmp_path / "music", unicodedata.normalize(written, line))
        assert (len(found), unmatched) == (1, []), line


def test_an_absolute_path_names_its_file_or_folder(tmp_path: Path) -> None:
    folder = lay(tmp_path / "music", "a/x.wav", "b/x.wav")
    assert excluded(folder, f"{folder}/a/x.wav")[0] == {"a/x"}
    assert excluded(folder, f"{folder}/b")[0] == {"b/x"}


def test_a_track_id_names_its_track(tmp_path: Path) -> None:
    (source,) = find_sources([lay(tmp_path / "music", "x.wav")])
    (tmp_path / "out.txt").write_text(f"{ID}\n")
    assert [len(found) for found in Exclusion.read([tmp_path / "out.txt"]).match([Track(source, ID)]).values()] == [1]


def test_lines_that_match_nothing_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, name in enumerate(("plain", "Song [live]", "other")):
        write(tmp_path / "music" / f"{name}.wav", music(2, seed))
    (tmp_path / "out.txt").write_text("# tracks of a test\nplain.wav\n\nno such song\nSong [live].wav\n")
    wanted = Settings(("opus",), (64,), 2, jobs=1, quiet=True, exclude=(tmp_path / "out.txt",))
    result = transcode([tmp_path / "music"], tmp_path / "data", wanted)
    assert (result["references"], result["left_out"]) == (1, {"excluded": 2})
    lines = [line for line in capsys.readouterr().err.splitlines() if "out.txt: " in line]
    assert len(lines) == 1
    assert "out.txt: line 4 (no such song): matches none" in lines[0]


def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    for bad in ("absent.txt", "bad.txt"):
        with pytest.raises(UserError, match=bad):
            Exclusion.read([tmp_path / bad])
