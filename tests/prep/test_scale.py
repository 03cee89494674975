"""One machine, many processes, shards, a Dask cluster: the same tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from manifests import schema
from manifests.check import problems
from manifests.dataset import Dataset
from prep.transcode import Settings, survey_music, transcode
from tests.sounds import music, write

WANTED = Settings(("opus",), (48, 96), 2, "clipping-2", jobs=1, quiet=True)


def tables(out: Path) -> list[pa.Table]:
    assert list(problems(Dataset(out), deep=True)) == []
    return [
        Dataset(out).table(spec).sort_by(spec.key[0]) for spec in (schema.TRACKS, schema.REFERENCES, schema.DEGRADED)
    ]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    for seed in range(6):
        write(folder / f"{seed}.wav", music(2, seed))
    (folder / "again.wav").write_bytes((folder / "3.wav").read_bytes())
    return folder


@pytest.fixture(scope="module")
def local(sources: Path) -> Path:
    out = sources.parent / "local"
    assert transcode([sources], out, WANTED)["ok"] == 6 * 3
    return out


def test_four_shards_are_together_the_whole(sources: Path, local: Path, tmp_path: Path) -> None:
    for index in range(4):
        survey_music([sources], tmp_path / "data", replace(WANTED, shard=(index, 4)))
    found = [transcode([sources], tmp_path / "data", replace(WANTED, shard=(index, 4)))["ok"] for index in range(4)]
    assert sum(found) == 6 * 3
    assert max(found) < 6 * 3
    assert tables(tmp_path / "data") == tables(local)


def test_a_dask_cluster_of_two_processes_makes_the_same_tables(
    sources: Path, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    workers = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**workers, local_directory=str(tmp_path)) as cluster:
        monkeypatch.chdir(sources.parent)  # where the workers do not stand
        wanted = replace(WANTED, dask=cluster.scheduler_address)
        result = transcode([Path(sources.name)], Path("dask"), wanted)
    assert (result["ok"], result["failed"]) == (6 * 3, 0)
    assert tables(sources.parent / "dask") == tables(local)
