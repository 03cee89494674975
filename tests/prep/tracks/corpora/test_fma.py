"""FMA: numbered files, named and split by a table whose header has two rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepaq.errors import UserError
from prep.tracks.corpora import CORPORA
from tests.prep.tracks.corpora.layout import found, lay

TABLE = (
    ",artist,set,set,track\n,name,split,subset,title\ntrack_id,,,,\n2,AWOL,training,small,Food\n5,AWOL,test,small,Us\n"
)


def test_names_and_splits_come_from_the_table(tmp_path: Path) -> None:
    root = lay(tmp_path, "000/000002.mp3", "000/000005.mp3", "000/000010.mp3", "README.txt")
    assert {source.split for source in found(root, "fma").values()} == {None}
    lay(root, fma_metadata__tracks_DOT_csv=TABLE)
    assert {name: source.split for name, source in found(root, "fma").items()} == {
        "AWOL - Food": "train", "AWOL - Us": "test", "000010": None
    }  # fmt: skip


def test_a_subset_beside_the_metadata_finds_its_table(tmp_path: Path) -> None:
    lay(tmp_path, "fma_small/000/000002.mp3", fma_metadata__tracks_DOT_csv=TABLE)
    assert list(found(tmp_path / "fma_small", "fma")) == list(found(tmp_path, "fma")) == ["AWOL - Food"]


def test_a_table_of_another_form_is_refused(tmp_path: Path) -> None:
    lay(tmp_path, "000/000002.mp3", fma_metadata__tracks_DOT_csv="a,b\n1,2\n")
    with pytest.raises(UserError, match=r"tracks\.csv"):
        list(CORPORA["fma"].sources(tmp_path))


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    lay(tmp_path, "000/000002.mp3", fma_metadata__tracks_DOT_csv=TABLE.replace("training", "holdout"))
    with pytest.raises(UserError, match=r"tracks\.csv: has no split 'holdout'.*--corpus folder"):
        list(CORPORA["fma"].sources(tmp_path))
