"""The job runner: sums, shards, processes, a Dask cluster."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path

import pytest

from deepaq.errors import UserError
from manifests import jobs
from tests.conftest import ROOT


def tally(batch: Sequence[int]) -> Counter[str]:
    return Counter(done=len(batch), total=sum(batch))


@pytest.mark.parametrize("processes", [1, 2])
def test_counts_are_summed_whatever_the_number_of_processes(processes: int) -> None:
    counts = jobs.run(tally, jobs.batched(range(10), 3), jobs=processes, quiet=True)
    assert (counts["done"], counts["total"]) == (10, 45)
    assert counts["cpu_seconds"] >= 0


def test_there_is_a_worker_for_every_processor_unless_a_number_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    assert 1 <= jobs.workers(None) <= len(os.sched_getaffinity(0))  # fewer in a container with a limit
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert jobs.workers(None) == 1
    assert jobs.workers(3) == 3


@pytest.mark.parametrize("number", [0, -1])
def test_less_than_one_worker_is_refused(number: int) -> None:
    with pytest.raises(UserError, match=f"--jobs {number}: at least one"):
        jobs.workers(number)


@pytest.mark.parametrize(
    ("items", "processes", "batches"), [(0, 2, 0), (1, 2, 1), (31, 2, 31), (64, 2, 16), (1024, 2, 64)]
)
def test_every_worker_gets_several_batches_and_none_is_large(items: int, processes: int, batches: int) -> None:
    shares = jobs.shared_out(range(items), processes)
    assert [item for share in shares for item in share] == list(range(items))
    assert len(shares) == batches
    assert max(map(len, shares), default=0) <= 16


def die(batch: Sequence[int]) -> Counter[str]:
    os.kill(os.getpid(), signal.SIGKILL)
    return Counter()


def test_a_killed_worker_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="a worker process was killed"):
        jobs.run(die, [[1], [2]], jobs=2, quiet=True)


@pytest.fixture
def lone_worker(tmp_path: Path) -> Iterator[str]:
    """Address of a Dask cluster of one worker with one thread."""
    distributed = pytest.importorskip("distributed")
    one = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**one, local_directory=str(tmp_path), silence_logs=logging.CRITICAL) as cluster:
        yield cluster.scheduler_address


def process_of(batch: Sequence[int]) -> Counter[str]:
    return Counter({str(os.getpid()): 1})


def test_a_cluster_of_one_worker_does_the_work_itself(lone_worker: str) -> None:
    counts = jobs.run(process_of, [[1], [2], [3]], quiet=True, dask=lone_worker)
    del counts["cpu_seconds"]
    assert str(os.getpid()) not in counts
    assert list(counts.values()) == [3]


def test_workers_that_die_repeatedly_are_a_clear_error(lone_worker: str) -> None:
    with pytest.raises(UserError, match="workers died repeatedly"):
        jobs.run(die, [[1]], quiet=True, dask=lone_worker)


def end(batch: Sequence[int]) -> Counter[str]:
    """Kill the process named."""
    os.kill(batch[0], signal.SIGKILL)
    return Counter()


def environment(*paths: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT)))}


@contextmanager
def processes(folder: Path, *paths: Path) -> Iterator[tuple[int, str]]:
    """Start a scheduler, and a worker that looks for packages in `paths` first; yields the former's id and address."""
    pytest.importorskip("distributed")
    file = str(folder / "scheduler.json")
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]
    worker = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--scheduler-file", file, "--death-timeout", "30"]
    worker += ["--local-directory", str(folder)]
    with (
        subprocess.Popen([*dask, "scheduler", *options], env=environment(), **quiet) as scheduler,
        subprocess.Popen([*dask, "worker", *worker], env=environment(*paths), **quiet) as other,
    ):
        try:
            while not Path(file).exists():
                assert scheduler.poll() is None
                time.sleep(0.1)
            yield scheduler.pid, json.loads(Path(file).read_text())["address"]
        finally:
            scheduler.kill()
            other.kill()


def test_a_lost_scheduler_is_a_clear_error(tmp_path: Path) -> None:
    with processes(tmp_path) as (scheduler, address), pytest.raises(UserError, match="the scheduler was lost"):
        jobs.run(end, [[scheduler]], quiet=True, dask=address)


def test_a_worker_with_other_software_is_a_clear_error(tmp_path: Path) -> None:
    """It would end when it cannot read the work, and the client would wait for another."""
    package = tmp_path / "other" / "deepaq-9.9.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: deepaq\nVersion: 9.9\n")
    found = r"tcp://[\d.:]+ runs Python 3\.\d+ with deepaq 9\.9, this process Python 3\.\d+ with deepaq 0"
    with processes(tmp_path, package.parent) as (_, address), pytest.raises(UserError, match=found):
        jobs.run(tally, [[1]], quiet=True, dask=address)


def test_a_cluster_without_workers_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(jobs, "_JOIN_S", 1)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster,
        pytest.raises(UserError, match="no worker has joined"),
    ):
        jobs.run(tally, [[1]], quiet=True, dask=cluster.scheduler_address)


def test_no_scheduler_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(jobs, "_ANSWER_S", 1)
    with pytest.raises(UserError, match="no scheduler answers"):
        jobs.run(tally, [[1]], quiet=True, dask="tcp://127.0.0.1:9")


def test_nothing_to_do_needs_no_cluster() -> None:
    assert jobs.run(tally, [], quiet=True, dask="tcp://127.0.0.1:1") == Counter()


def test_shards_share_the_work_without_overlap() -> None:
    keys = [f"{n:024x}" for n in range(100)]
    parts = [list(compress(keys, jobs.in_shard(keys, (index, 4)))) for index in range(4)]
    assert sorted(key for part in parts for key in part) == keys


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", ""])
def test_a_wrong_shard_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--shard"):
        jobs.parse_shard(text)


def test_shards_count_from_one() -> None:
    assert jobs.parse_shard("2/4") == (1, 4)
    assert jobs.parse_shard(None) == (0, 1)
