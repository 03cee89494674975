"""MUSDB18-HQ: mixtures, not stems; the validation sources that its makers chose."""

from __future__ import annotations

from pathlib import Path

from prep.tracks.corpora.musdb18hq import VALIDATION
from tests.prep.tracks.corpora.layout import found, lay

TRACKS = {"train/A - One": "train", "train/ANiMAL - Rockshow": "valid", "test/B - Two": "test"}


def test_mixtures_are_tracks_and_splits_are_those_of_musdb18(tmp_path: Path) -> None:
    stems = ("mixture", "vocals", "drums", "bass", "other")
    sources = found(lay(tmp_path, *(f"{source}/{stem}.wav" for source in TRACKS for stem in stems)), "musdb18hq")
    assert {
        source.parts[0].parent.relative_to(tmp_path).as_posix(): source.split for source in sources.values()
    } == TRACKS
    assert {source.parts[0].name for source in sources.values()} == {"mixture.wav"}


def test_fourteen_songs_are_held_out_for_validation() -> None:
    assert len(VALIDATION) == 14
