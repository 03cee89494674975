"""Slakh2100: mixes by split; the doubles that redux omits stay out."""

from __future__ import annotations

from pathlib import Path

from tests.prep.tracks.corpora.layout import found, lay


def test_mixes_are_tracks_and_splits_are_those_of_slakh(tmp_path: Path) -> None:
    parts = ("train/Track00001", "validation/Track01501", "test/Track01876", "omitted/Track00049")
    names = [
        f"{part}/{file}" for part in parts for file in ("mix.flac", "stems/S00.flac", "metadata.yaml", "all_src.mid")
    ]
    sources = found(lay(tmp_path, *names), "slakh")
    assert {name: source.split for name, source in sources.items()} == {
        "train/Track00001": "train", "validation/Track01501": "valid", "test/Track01876": "test"
    }  # fmt: skip
    assert {source.parts[0].name for source in sources.values()} == {"mix.flac"}
