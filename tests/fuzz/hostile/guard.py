"""Limits on what a command may open, and on the time and memory that it may take, with hostile input."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.memory import peak_mib, reset_peak

LONGEST_CPU_S, LONGEST_S, MOST_MIB = 10.0, 60.0, 1024
_EVENTS = {
    "open",
    "os.listdir",
    "os.scandir",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "subprocess.Popen",
    "socket.connect",
}
_closed: list[str] = []  # paths that no call may name
_seen: list[str] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _closed and event in _EVENTS:
        said = repr(arguments)
        if event == "socket.connect" or any(path in said for path in _closed):
            _seen.append(f"{event}{said[:300]}")


sys.addaudithook(_hook)


@contextmanager
def guarded(outside: Path) -> Iterator[None]:
    """Fail if the block opens, lists or passes on a path in `outside` or connects to a host, hangs, or takes too much.

    Memory is what the process takes on top of what it holds, where the system lets its peak be reset.
    """
    before = time.process_time()
    counted = reset_peak()
    held = peak_mib()
    _seen.clear()
    _closed.append(str(outside))
    old = signal.signal(signal.SIGALRM, _hangs)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
        _closed.clear()
    assert not _seen, _seen
    assert time.process_time() - before < LONGEST_CPU_S
    assert not counted or peak_mib() - held < MOST_MIB


def _hangs(number: int, frame: FrameType | None) -> None:
    raise AssertionError(f"still running after {LONGEST_S:.0f} s")
