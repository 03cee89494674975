"""`manifests check`: sizes without reading, mixed clip lengths."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import schema
from manifests.check import problems, remarks
from manifests.dataset import Dataset
from manifests.fragment import write_fragment
from manifests.provenance import provenance
from tests.fuzz.hostile.datasets import sound_data_set


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(sound_data_set(tmp_path))


def test_a_sound_data_set_has_no_problems(dataset: Dataset) -> None:
    assert list(problems(dataset, deep=True)) == []


def test_a_file_of_another_size_is_found_without_reading_it(dataset: Dataset) -> None:
    path = dataset.path("audio/one.flac")
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"x")
    assert list(problems(dataset)) == [
        f"one: audio/one.flac has {size + 1} bytes instead of {size}; delete it, and "
        "`prep transcode MUSIC --out DATA --retry-failed` makes it again"
    ]


def test_a_file_of_the_same_size_is_compared_only_in_depth(dataset: Dataset) -> None:
    path = dataset.path("audio/one.flac")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert list(problems(dataset)) == []
    assert "audio/one.flac differs from its checksum" in next(iter(problems(dataset, deep=True)))


def test_clips_of_several_lengths_are_named(dataset: Dataset) -> None:
    assert list(remarks(dataset)) == []
    row = dataset.references().to_pylist()[0]
    (dataset.root / "audio" / "other.flac").write_bytes(dataset.path(row["path"]).read_bytes())
    other = row | {"reference_id": "other", "clip_s": 0.5, "path": "audio/other.flac"}
    write_fragment(dataset.folder(schema.REFERENCES), schema.REFERENCES, [other], provenance("test", {}, {}))
    assert list(problems(dataset)) == []
    assert list(remarks(dataset)) == [
        "1 track has clips of several lengths (0.5, 1 s), which overlap; use a folder for each length"
    ]
