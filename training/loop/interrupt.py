"""Requests to stop: training ends after the current step, so that its state can be saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from deepaq.console import ENDINGS


class Interrupt:
    """asked: True once SIGTERM, SIGHUP or Ctrl-C has come."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def watched() -> Iterator[Interrupt]:
    """Record the first SIGTERM, SIGHUP or Ctrl-C within the block; a second one raises KeyboardInterrupt."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt  # only the main thread may handle signals
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if interrupt.asked:
            raise KeyboardInterrupt
        interrupt.asked = True

    # SIGHUP is ignored under nohup.
    numbers = [signal.SIGINT, *(end for end in ENDINGS if signal.getsignal(end) is not signal.SIG_IGN)]
    before: dict[int, Any] = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
