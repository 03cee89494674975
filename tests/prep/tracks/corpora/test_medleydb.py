"""MedleyDB: mixes, neither stems nor raw tracks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prep.tracks.corpora.layout import found, lay


@pytest.mark.parametrize("home", ["", "Audio/", "V1/", "MedleyDB/Audio/"])
def test_only_mixes_are_tracks(tmp_path: Path, home: str) -> None:
    source = f"{home}Artist_Title"
    names = [f"{source}/Artist_Title_{file}" for file in ("MIX.wav", "STEMS/Artist_Title_STEM_01.wav", "METADATA.yaml",
                                                        "RAW/Artist_Title_RAW_01_01.wav")]  # fmt: skip
    (only,) = found(lay(tmp_path, *names), "medleydb").values()
    assert (only.name, only.split) == ("Artist - Title", None)
    assert only.parts[0].name == "Artist_Title_MIX.wav"
