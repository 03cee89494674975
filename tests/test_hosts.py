"""Several hosts over one shared volume make the same tables as one host, even if one of them dies."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from manifests import schema
from manifests.check import problems
from manifests.dataset import Dataset
from manifests.diff import diff
from prep.transcode import Settings, transcode
from tests import hosts
from tests.sounds import music, write

SCHEDULER, FIRST, SECOND = 1, 2, 3
ADDRESS = f"tcp://{hosts.Hosts.address(SCHEDULER)}:8786"
MADE = ["--codecs", "opus,mp3", "--bitrates", "32,96", "--clip", "2", "--quiet"]
WANTED = Settings(("opus", "mp3"), (32, 96), 2, jobs=1, quiet=True)
TRACKS = 8
PATIENCE = 300  # seconds; generous for busy machines

pytestmark = [pytest.mark.skipif(bool(hosts.missing()), reason=hosts.missing()), pytest.mark.xdist_group("hosts")]


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared volume, with music."""
    folder = tmp_path_factory.mktemp("volume")
    for seed in range(TRACKS):
        write(folder / "music" / f"{seed}.wav", music(2, seed))
    return folder


@pytest.fixture(scope="module")
def local(volume: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set made by one host, from a copy of the music."""
    from labels.rating.stage import Settings as Rating
    from labels.rating.stage import rate

    folder = tmp_path_factory.mktemp("local")
    shutil.copytree(volume / "music", folder / "music")
    assert transcode([folder / "music"], folder / "data", WANTED)["ok"] == 4 * TRACKS
    assert rate(folder / "data", "visqol", Rating(jobs=1, quiet=True))["labelled"] == 4 * TRACKS
    return folder / "data"


@pytest.fixture(scope="module")
def cluster(volume: Path) -> Iterator[hosts.Hosts]:
    """Three hosts: a scheduler with the commands, and two with a Dask worker each."""
    pytest.importorskip("distributed")
    with hosts.Hosts(volume, 3) as cluster:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        address = ["--host", cluster.address(SCHEDULER), "--port", "8786"]
        cluster.start(SCHEDULER, ["dask", "scheduler", *address, "--no-dashboard"], **quiet)
        for number in (FIRST, SECOND):
            options = ["--nthreads", "1", "--no-dashboard", "--local-directory", "/tmp"]
            cluster.start(number, ["dask", "worker", ADDRESS, *options], Path("/"), **quiet)
        client = f"Client('{ADDRESS}', timeout={PATIENCE})"
        wait = f"from distributed import Client; {client}.wait_for_workers(2, timeout={PATIENCE})"
        cluster.run(SCHEDULER, ["python", "-c", wait])
        yield cluster


def rows(folder: Path) -> Counter[int]:
    """Rows of a table by the group that wrote them."""
    counts: Counter[int] = Counter()
    for path in folder.rglob("[!.]*.parquet"):
        counts[path.stat().st_gid] += pq.read_metadata(path).num_rows
    return counts


def same(ours: Path, local: Path) -> None:
    found = diff(Dataset(local), Dataset(ours))
    assert found["same_content"], found
    assert found["values"]["visqol"] == {**found["values"]["visqol"], "common": 4 * TRACKS, "largest": 0.0}
    assert list(problems(Dataset(ours), deep=True)) == []


def test_two_hosts_make_the_same_tables_as_one(cluster: hosts.Hosts, volume: Path, local: Path) -> None:
    cluster.run(SCHEDULER, ["prep", "transcode", "music", "--out", "data", *MADE, "--dask", ADDRESS])
    cluster.run(SCHEDULER, ["labels", "visqol", "data", "--quiet", "--dask", ADDRESS])
    same(volume / "data", local)
    for table in (schema.REFERENCES, schema.DEGRADED, schema.LABELS):
        made = rows(Dataset(volume / "data").folder(table))
        assert set(made) == {cluster.group(FIRST), cluster.group(SECOND)}, f"{table.name}: {made}"


def test_a_host_that_dies_loses_no_committed_rows(cluster: hosts.Hosts, volume: Path, local: Path) -> None:
    """Runs last, because it kills the second host."""
    command = ["prep", "transcode", "music", "--out", "again", *MADE, "--json", "--dask", ADDRESS]
    run = cluster.start(SCHEDULER, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    begun = time.monotonic()
    degraded = Dataset(volume / "again", create=True).folder(schema.DEGRADED)
    while not rows(degraded)[cluster.group(SECOND)]:
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < begun + PATIENCE
        time.sleep(0.02)
    cluster.cut_off(SECOND)
    before = rows(degraded)
    output, messages = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, messages
    assert json.loads(output)["ok"] == 4 * TRACKS
    assert sum(before.values()) < 4 * TRACKS, "the host died too late for this test to say anything"
    assert rows(degraded)[cluster.group(FIRST)] > before[cluster.group(FIRST)]
    cluster.run(SCHEDULER, ["labels", "visqol", "again", "--quiet", "--dask", ADDRESS])
    same(volume / "again", local)
