"""MTG-Jamendo: what its tables say, of the files that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepaq.errors import UserError
from prep.tracks.corpora import CORPORA
from tests.prep.tracks.corpora.layout import found, lay

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"
ONE = "track_0000214\tartist_000014\talbum_000031\t14/214.mp3\t124.6\tgenre---punkrock\tmood/theme---fun\n"
TWO = "track_0000215\tartist_000014\talbum_000031\t15/215.mp3\t151.4\tgenre---metal\n"


@pytest.mark.parametrize(("audio", "ending"), [("", ".mp3"), ("audio/", ".mp3"), ("raw_30s/audio-low/", ".low.mp3")])
def test_files_that_are_there_get_their_split(tmp_path: Path, audio: str, ending: str) -> None:
    root = lay(tmp_path, f"{audio}14/214{ending}")
    lay(root / "data", autotagging_DOT_tsv=HEADER + ONE + TWO)
    lay(root / "data" / "splits" / "split-0", **{"autotagging-validation_DOT_tsv": HEADER + ONE})
    (source,) = found(root, "jamendo").values()
    assert (source.name, source.split) == ("artist_000014 - track_0000214", "valid")


def test_a_table_of_another_form_is_refused(tmp_path: Path) -> None:
    lay(tmp_path, autotagging_DOT_tsv="TRACK_ID\tTAGS\n1\tx\n")
    with pytest.raises(UserError, match=r"autotagging\.tsv: line 2 has no ARTIST_ID, PATH; .*--corpus folder"):
        list(CORPORA["jamendo"].sources(tmp_path))
