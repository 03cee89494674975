"""A profiler's trace of the first steps of a run, to be opened in chrome://tracing or Perfetto."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from torch import profiler

TRACE = "trace.json"
_WARM_UP = 2  # steps before those that are recorded


class Tracer(Protocol):
    def step(self) -> None:
        """Mark the end of a step."""


class _Nothing:
    def step(self) -> None:
        pass


@contextmanager
def traced(steps: int, out: Path) -> Iterator[Tracer]:
    """Record `steps` steps within the block, after two to warm up, as `trace.json` in the run folder; none for 0."""
    if not steps:
        yield _Nothing()
        return
    schedule = profiler.schedule(wait=0, warmup=_WARM_UP, active=steps, repeat=1)
    with profiler.profile(
        schedule=schedule, on_trace_ready=lambda found: found.export_chrome_trace(str(out / TRACE))
    ) as found:
        yield found
