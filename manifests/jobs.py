"""Run a picklable function over batches, in processes, with progress.

Each job commits its own rows and returns counts; the parent only adds them up, so killing the parent loses nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from deepaq.errors import UserError
from deepaq.progress import Progress

T = TypeVar("T")
Counts = Counter[str]
# Silences joblib's resource tracker, which warns after an interruption about files that are gone already.
_NO_NEWS = "ignore:resource_tracker"
_ANSWER_S = 10  # longest wait for a scheduler
_JOIN_S = 60  # longest wait for a cluster's first worker


def cpu_count() -> int:
    """Number of processors that this process may use, by its affinity, its container and LOKY_MAX_CPU_COUNT."""
    import joblib

    return int(joblib.cpu_count())


def cpu_seconds() -> float:
    """User and system seconds of this process and its finished children."""
    spent = os.times()  # in steps of 10 ms, hence the finer clock for this process
    return time.process_time() + spent.children_user + spent.children_system


def workers(jobs: int | None) -> int:
    """The number of worker processes for `--jobs`: one per processor for None; UserError below 1."""
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs {jobs}: at least one is needed")
    return cpu_count() if jobs is None else jobs


def batched(items: Iterable[T], size: int) -> list[list[T]]:
    """Consecutive lists of at most `size` items."""
    items = list(items)
    return [items[start : start + size] for start in range(0, len(items), size)]


def shared_out(items: Sequence[T], jobs: int, *, largest: int = 16, per_worker: int = 8) -> list[list[T]]:
    """Batches of `items` for `jobs` worker processes.

    Each worker gets about `per_worker` batches, so that a kill loses little and all finish together; a batch has at
    most `largest` items.
    """
    return batched(items, max(1, min(largest, len(items) // (per_worker * jobs))))


def in_shard(ids: Iterable[str], shard: tuple[int, int]) -> list[bool]:
    """Tell for every hexadecimal id if it belongs to the shard, an index from 0 and the number of shards."""
    index, count = shard
    return [int(key[-8:], 16) % count == index for key in ids]


def parse_shard(text: str | None) -> tuple[int, int]:
    """Parse `--shard`: '2/4' -> (1, 4), shard numbers count from 1; None -> (0, 1), everything."""
    if text is None:
        return 0, 1
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UserError(f"--shard {text}: write i/n with 1 <= i <= n, such as 1/4")
    return int(index) - 1, int(count)


def run(
    function: Callable[[Sequence[T]], Counts],
    batches: Sequence[Sequence[T]],
    *,
    jobs: int = 1,
    label: str = "",
    unit: str = "clip",
    quiet: bool = False,
    dask: str | None = None,
) -> Counts:
    """Call `function` on every batch and return the summed counts, CPU seconds of the workers included.

    function: picklable; commits its results itself and returns a Counter.
    jobs: worker processes; 1 runs in this process. dask: scheduler address of a Dask cluster instead.
    """
    total: Counts = Counter()
    with Progress(sum(map(len, batches)), label, unit, quiet) as progress:
        for size, counts in _results(function, batches, jobs, dask):
            total.update(counts)
            progress.advance(size, **({"failed": total["failed"]} if total["failed"] else {}))
    return total


def _measured(function: Callable[[Sequence[T]], Counts], batch: Sequence[T]) -> tuple[int, Counts]:
    before = cpu_seconds()
    counts = Counter(function(batch))
    counts["cpu_seconds"] += cpu_seconds() - before  # type: ignore[assignment]
    return len(batch), counts


def _results(
    function: Callable[[Sequence[T]], Counts], batches: Sequence[Sequence[T]], jobs: int, dask: str | None
) -> Iterator[tuple[int, Counts]]:
    if not batches or (dask is None and (jobs <= 1 or len(batches) <= 1)):
        yield from (_measured(function, batch) for batch in batches)
        return
    if dask is not None:
        yield from _on_cluster(partial(_measured, function), batches, dask)
        return
    from concurrent.futures.process import BrokenProcessPool

    from joblib import Parallel, delayed

    if _NO_NEWS not in sys.warnoptions:
        sys.warnoptions.append(_NO_NEWS)
    tasks = (delayed(_measured)(function, batch) for batch in batches)
    try:
        yield from Parallel(
            n_jobs=min(jobs, len(batches)), backend="loky", return_as="generator_unordered", batch_size=1
        )(tasks)
    except BrokenProcessPool:
        raise UserError(
            "a worker process was killed, probably for lack of memory; finished work is kept, run the command again "
            f"with fewer than --jobs {jobs}"
        ) from None


def _on_cluster(
    function: Callable[[Sequence[T]], tuple[int, Counts]], batches: Sequence[Sequence[T]], address: str
) -> Iterator[tuple[int, Counts]]:
    """Yield results as they arrive. Does not use joblib, which would do the work of a one-thread cluster itself."""
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError:
        raise UserError("--dask needs the dask extra: pip install 'deepaq[dask]'") from None
    from concurrent.futures import CancelledError

    try:
        client = Client(address, timeout=_ANSWER_S)
    except (OSError, ValueError) as error:
        raise UserError(f"--dask {address}: no scheduler answers there ({error})") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_JOIN_S)
        except TimeoutError:
            raise UserError(f"--dask {address}: no worker has joined this scheduler; start one") from None
        _check_hosts(client.get_versions(packages=["deepaq"]), address)
        try:
            # Not pure: repeating a batch is new work, even if the scheduler remembers its result.
            for future in as_completed(client.map(function, batches, pure=False)):
                yield future.result()
        except KilledWorker:
            raise UserError(
                f"--dask {address}: workers died repeatedly on the same work, probably for lack of memory; finished "
                "work is kept, run the command again with fewer or larger workers"
            ) from None
        except CancelledError:
            raise UserError(
                f"--dask {address}: the scheduler was lost; finished work is kept, run the command again"
            ) from None


def _check_hosts(versions: Any, address: str) -> None:
    """Raise UserError unless the hosts can read the work; a worker that cannot ends, and its client waits for ever."""
    here = _installed(versions["client"])
    for name, host in {"its scheduler": versions["scheduler"], **versions["workers"]}.items():
        if (there := _installed(host)) != here:
            raise UserError(f"--dask {address}: {name} runs {there}, this process {here}; install the same everywhere")


def _installed(host: Any) -> str:
    python, package = ".".join(host["host"]["python"].split(".")[:2]), host["packages"]["deepaq"]
    return f"Python {python} {f'with deepaq {package}' if package else 'without deepaq'}"
