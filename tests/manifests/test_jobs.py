"""The job runner: sums, shards, processes, a Dask cluster."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Sequence

import pytest

from deepaq.errors import UserError
from manifests import jobs


def tally(batch: Sequence[int]) -> Counter[str]:
    return Counter(done=len(batch), total=sum(batch))


@pytest.mark.parametrize("processes", [1, 2])
def test_counts_are_summed_whatever_the_number_of_processes(processes: int) -> None:
    counts = jobs.run(tally, jobs.batched(range(10), 3), jobs=processes, quiet=True)
    assert (counts["done"], counts["total"]) == (10, 45)
    assert counts["cpu_seconds"] >= 0


def die(batch: Sequence[int]) -> Counter[str]:
    os.kill(os.getpid(), signal.SIGKILL)
    return Counter()


def test_a_killed_worker_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="a worker process was killed"):
        jobs.run(die, [[1], [2]], jobs=2, quiet=True)


def test_no_scheduler_is_a_clear_error() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(UserError, match="no scheduler answers"):
        jobs.run(tally, [[1]], quiet=True, dask="tcp://127.0.0.1:9")


def test_shards_share_the_work_without_overlap() -> None:
    keys = [f"{n:024x}" for n in range(100)]
    parts = [[key for key in keys if jobs.shard_of(key, 4) == index] for index in range(4)]
    assert sorted(key for part in parts for key in part) == keys


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", ""])
def test_a_wrong_shard_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--shard"):
        jobs.parse_shard(text)


def test_shards_count_from_one() -> None:
    assert jobs.parse_shard("2/4") == (1, 4)
    assert jobs.parse_shard(None) == (0, 1)
