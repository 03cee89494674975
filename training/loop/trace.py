"""A profiler's trace of the first steps of a run, to be opened in chrome://tracing or Perfetto."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import profiler

TRACE = "trace.json"
_WARM_UP = 2  # steps before those that are recorded


@contextmanager
def traced(steps: int, out: Path) -> Iterator[profiler.profile | None]:
    """Record `steps` steps within the block, after two to warm up, as `trace.json` in the run folder; None for 0.

    The caller marks the end of every step by `step` of what it gets.
    """
    if not steps:
        yield None
        return
    schedule = profiler.schedule(wait=0, warmup=_WARM_UP, active=steps, repeat=1)
    with profiler.profile(
        schedule=schedule, on_trace_ready=lambda found: found.export_chrome_trace(str(out / TRACE))
    ) as found:
        yield found
