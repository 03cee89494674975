"""Progress on stderr: a redrawn bar on a terminal, a plain line every ten seconds in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Any

LINE_EVERY_S = 10.0


class Progress:
    """Counts finished items of a known total; a context manager.

    total: number of items. label: name of the task, first on the line. unit: name of an item, in the singular.
    quiet: show nothing. done: items finished by an earlier run, which do not count towards the rate. clock: seconds,
    replaced in tests.

    If stderr is not a terminal, a line such as `train: 1200 of 5000 steps, 8.1 steps/s, 7:49 left, loss 0.031` is
    printed about every ten seconds and at the end; tasks shorter than ten seconds print nothing.
    """

    def __init__(
        self,
        total: int,
        label: str,
        unit: str,
        quiet: bool = False,
        done: int = 0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._total, self._label, self._unit = total, label, unit
        self._done = self._before = done
        self._clock = clock
        self._began = self._shown = clock()
        self._facts: dict[str, Any] = {}
        self._lines = not quiet and total > 0 and not sys.stderr.isatty()
        self._bar: Any = None
        if not quiet and total > 0 and not self._lines:
            from tqdm import tqdm

            self._bar = tqdm(total=total, initial=done, desc=label, unit=unit, file=sys.stderr, mininterval=0.5)

    def advance(self, count: int = 1, **facts: object) -> None:
        """Count `count` more items as done. facts: values to show from now on, such as loss="0.031"."""
        self._done += count
        self._facts |= facts
        if self._bar is not None:
            self._bar.set_postfix(self._facts, refresh=False)
            self._bar.update(count)
        elif self._lines and self._clock() - self._shown >= LINE_EVERY_S:
            self._print()

    def close(self) -> None:
        """End the bar, or print a last line if lines were printed before."""
        if self._bar is not None:
            self._bar.close()
        elif self._lines and self._shown > self._began and self._clock() > self._shown:
            self._print()
        self._lines = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _print(self) -> None:
        self._shown = self._clock()
        took = self._shown - self._began
        rate = (self._done - self._before) / took
        left = self._total - self._done
        parts = [f"{self._done} of {self._total} {self._unit}s"]
        if rate > 0:
            parts.append(_rate(rate, self._unit))
            parts.append(f"{_time(left / rate)} left" if left > 0 else f"took {_time(took)}")
        parts += [f"{name} {value}" for name, value in self._facts.items()]
        print(f"{self._label or self._unit}: {', '.join(parts)}", file=sys.stderr, flush=True)


def _rate(per_second: float, unit: str) -> str:
    return f"{per_second:.3g} {unit}s/s" if per_second >= 1 else f"{1 / per_second:.3g} s/{unit}"


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
