"""Every export is read back by the library it is made for."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from deepaq.audio import read
from deepaq.errors import UserError
from manifests import schema
from manifests.cli import main
from manifests.dataset import Dataset
from manifests.export import croissant, hub, shards
from manifests.fragment import write_fragment
from manifests.provenance import provenance
from prep.transcode import Settings, transcode
from tests.sounds import music, write


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three tracks in two splits, Opus and mp3 versions, a rater and two listeners."""
    folder = tmp_path_factory.mktemp("export")
    for seed in (1, 2, 3):
        write(folder / "music" / f"{seed}.wav", music(2.0, seed))
    settings = Settings(("opus", "mp3"), (32,), clip_s=2.0, valid_share=0.5, jobs=1, quiet=True)
    transcode([folder / "music"], folder / "data", settings)
    data = Dataset(folder / "data")
    names = sorted(data.degraded(["degraded_id"])["degraded_id"].to_pylist())
    for rater in ("visqol", "listener:anna"):
        rows = [
            {"degraded_id": name, "rater": rater, "value": 1.0 + i, "scale": "MOS-LQO", "status": "ok"}
            for i, name in enumerate(names)
        ]
        rows[-1] |= {"value": None, "status": "failed", "error": "broken"}
        write_fragment(
            data.folder(schema.LABELS, rater.partition(":")[0]), schema.LABELS, rows, provenance("t", {}, {})
        )
    return data


def stored(dataset: Dataset) -> dict[str, bytes]:
    """The bytes of every sound by its id."""
    return {
        row[spec.key[0]]: dataset.path(row["path"]).read_bytes()
        for spec in (schema.REFERENCES, schema.DEGRADED)
        for row in dataset.table(spec).to_pylist()
    }


def test_datasets_reads_the_view_back(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="needs deepaq[export]")
    out = tmp_path / "view"
    assert hub.export(dataset, out, shard_bytes=30_000)["degraded"] == 6
    sounds, labels = stored(dataset), dataset.labels("visqol").to_pylist()
    wanted = {row["degraded_id"]: row["value"] for row in labels if row["status"] == "ok"}
    seen: dict[str, Any] = {}
    for config, key, decoded in (("references", "reference_id", 3), ("degraded", "degraded_id", 6)):
        loaded = datasets.load_dataset(str(out), config, cache_dir=str(tmp_path / "cache"))
        assert set(loaded) == {"train", "validation"}
        for split in loaded.values():
            assert isinstance(split.features["audio"], datasets.Audio)
            for row in split.cast_column("audio", datasets.Audio(decode=False)):
                assert row["audio"]["bytes"] == sounds[row[key]]
                seen[row[key]] = row
        assert (
            len([name for name in seen if name in set(dataset.table(schema.TABLES[config])[key].to_pylist())])
            == decoded
        )
    means = {
        name: label["value"] for name in seen for label in seen[name].get("labels") or () if label["rater"] == "visqol"
    }
    assert means == wanted
    some = next(row for row in seen.values() if row.get("condition") == "opus-032")
    path = tmp_path / some["audio"]["path"]
    path.write_bytes(some["audio"]["bytes"])
    assert read(path).seconds == pytest.approx(2.0, abs=0.05)


def test_webdataset_reads_the_shards_back(dataset: Dataset, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="needs deepaq[export]")
    out = tmp_path / "shards"
    counts = shards.export(dataset, out, shard_bytes=1)
    assert counts == {"samples": 3, "versions": 6, "shards": 3}
    sounds = stored(dataset)
    urls = [str(path) for path in sorted(out.iterdir())]
    for sample in webdataset.WebDataset(urls, shardshuffle=False):
        content = json.loads(sample["json"])
        assert content["reference"]["reference_id"] == sample["__key__"]
        assert sample[content["reference"]["part"]] == sounds[sample["__key__"]]
        assert {version["condition"] for version in content["versions"]} == {"opus-032", "mp3-032"}
        for version in content["versions"]:
            assert sample[version["part"]] == sounds[version["degraded_id"]]
            assert {label["rater"] for label in version["labels"]} <= {"visqol", "listener:anna"}


def test_conditions_that_differ_in_case_or_dots_alone_stay_apart(dataset: Dataset, tmp_path: Path) -> None:
    data = Dataset(shutil.copytree(dataset.root, tmp_path / "data"))
    names = iter(["MP3", "mp3", "1.38", "1_38", "a/b", "a_b"])
    rows = [row | {"condition": next(names)} for row in data.degraded().sort_by("reference_id").to_pylist()]
    write_fragment(data.folder(schema.DEGRADED), schema.DEGRADED, rows, provenance("t", {}, {}))
    shards.export(data, tmp_path / "shards")
    members = []
    for path in (tmp_path / "shards").iterdir():
        with tarfile.open(path) as tar:
            members += tar.getnames()
            for member in tar.getnames():
                part = member.partition(".")[2]
                if part == "json":
                    content = json.load(tar.extractfile(member))
                    assert all(
                        f"{content['reference']['reference_id']}.{v['part']}" in members for v in content["versions"]
                    )
    assert len(members) == len(set(members)) == 3 + 3 + 6


def test_the_same_data_give_the_same_shards(dataset: Dataset, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shards.export(dataset, tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["train-000000.tar", "valid-000000.tar"]
    assert all((tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in files)
    with tarfile.open(tmp_path / "a" / "train-000000.tar") as tar:
        assert {member.mtime for member in tar} == {0}


def test_croissant_is_valid_and_its_records_are_the_tables(dataset: Dataset) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs deepaq[export]")
    about = {"license": "CC0-1.0", "url": "https://example.org/data", "citeAs": "us", "creator": "we"}
    path = Path(croissant.export(dataset, about=about)["file"])
    described = mlcroissant.Dataset(jsonld=path)
    assert not described.metadata.ctx.issues.errors
    for spec in schema.CONTENT:
        key = f"{spec.name}/{spec.key[0]}"
        rows = {record[key].decode(): record for record in described.records(record_set=spec.name)}
        table = {row[spec.key[0]]: row for row in dataset.table(spec).to_pylist()}
        assert set(rows) == set(table)
        for name, record in rows.items() if spec is not schema.LABELS else ():
            for field in ("path", "status", "sha256"):
                assert record[f"{spec.name}/{field}"].decode() == table[name][field]
    found = [record["labels/value"] for record in described.records(record_set="labels")]
    wanted = dataset.labels()["value"].to_pylist()
    assert len(found) == len(wanted) == 12
    known = [value for value in found if value is not None and not np.isnan(value)]
    assert sorted(known) == sorted(value for value in wanted if value is not None)


def test_bad_requests_are_one_line(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(UserError, match="exists already"):
        hub.export(dataset, tmp_path / "there")
    with pytest.raises(UserError, match="must be in the data set"):
        croissant.export(dataset, tmp_path / "c.json")
    empty = Dataset(tmp_path / "empty", create=True)
    with pytest.raises(UserError, match="no clip that is ok"):
        shards.export(empty, tmp_path / "shards")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "there"]  # nothing half-written
    for arguments in ([], ["--webdataset"]):
        result = CliRunner().invoke(main, ["export", str(dataset.root), *arguments])
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1


def test_the_command_says_what_it_wrote(dataset: Dataset, tmp_path: Path) -> None:
    arguments = ["export", str(dataset.root), "--webdataset", "--out", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(main, arguments)
    assert json.loads(result.stdout.splitlines()[-1]) == {"samples": 3, "versions": 6, "shards": 2}
