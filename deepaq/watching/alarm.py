"""Alarms: when low quality ends a watch or runs a command."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from deepaq.errors import UserError
from deepaq.watching.watch import Window

_END_S = 10.0  # time for a command to finish when the watch ends


@dataclass
class Alarm:
    """Counts the time below a MOS.

    below: the MOS. seconds: time below it, without a window at or above it, that raises the alarm; it is raised again
    only after such a window. Windows without a MOS, such as silence, change nothing.
    """

    below: float
    seconds: float
    low_s: float = field(default=0.0, init=False)
    _up: bool = field(default=False, init=False)

    def raised(self, window: Window) -> bool:
        """Count a window, and tell if it raises the alarm."""
        if window.mos is None:
            return False
        low, before = window.mos < self.below, self._up
        self.low_s = self.low_s + window.seconds if low else 0.0
        self._up = low and self.low_s >= self.seconds
        return self._up and not before


class Command:
    """A command of the user, run without a shell and without waiting for it. say: receives what goes wrong with it.

    It gets a text on its standard input; what it prints goes to our standard error.
    """

    def __init__(self, line: str, say: Callable[[str], None]) -> None:
        try:
            self._arguments = _arguments(line)
        except ValueError as error:
            raise UserError(f"--run {line}: cannot be split into arguments ({error})") from None
        if not self._arguments or shutil.which(self._arguments[0]) is None:
            raise UserError(f"--run {line}: there is no such program")
        self._name, self._say = self._arguments[0], say
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, text: str) -> None:
        """Run the command, unless it still runs."""
        if self.check():
            self._say(f"{self._name}: still runs and was not started again")
            return
        try:
            self._process = subprocess.Popen(self._arguments, stdin=subprocess.PIPE, stdout=_stderr())
        except OSError as error:
            self._say(f"{self._name}: cannot be run ({error.strerror})")
            return
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin as file:  # a command may leave its input unread
            file.write(text.encode())

    def check(self) -> bool:
        """Tell if the command runs, and say how it ended if it failed."""
        if self._process is None:
            return False
        code = self._process.poll()
        if code is None:
            return True
        if code:
            self._say(f"{self._name}: ended with exit code {code}")
        self._process = None
        return False

    def finish(self) -> None:
        """Wait for the command, and end it if it takes longer than ten seconds."""
        if self._process is None:
            return
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._say(f"{self._name}: was ended, because it ran for {_END_S:g} s after the watch")
            self._process = None
        self.check()


def _arguments(line: str) -> list[str]:
    """Split as a shell does; a backslash is part of a path on Windows."""
    words = shlex.shlex(line, posix=True)
    words.whitespace_split, words.commenters = True, ""
    if os.name == "nt":
        words.escape = ""
    return list(words)


def _stderr() -> int | None:
    try:
        return sys.stderr.fileno()
    except OSError:  # in memory
        return subprocess.DEVNULL
