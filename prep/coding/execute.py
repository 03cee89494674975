"""Run a command of a user's own in a folder: without a shell, within a time limit, with all that it starts."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from deepaq.errors import UserError

_MESSAGE_BYTES = 4096


def run_in(command: Sequence[str], folder: Path, timeout: float) -> str:
    """Run a command in `folder` and return what it prints; UserError when it fails or takes longer than `timeout` s.

    It has a session of its own, so that what it started ends with it.
    """
    name = Path(command[0]).name
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as messages:
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=printed, stderr=messages, start_new_session=True
            )
        except OSError as error:
            raise UserError(f"{name} cannot be run ({error.strerror})") from None
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise UserError(f"{name} took longer than {timeout:g} s") from None
        finally:
            _end_all(process)
        if code:
            lines = _end(messages).strip().splitlines() or _end(printed).strip().splitlines()
            raise UserError(f"{name} ended with {code}: {lines[-1][:200] if lines else 'no message'}")
        printed.seek(0)
        return printed.read(_MESSAGE_BYTES).decode(errors="replace")


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started."""
    kill_session = getattr(os, "killpg", None)
    if kill_session is None:  # on Windows: its descendants, as far as they can still be told
        import psutil

        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        process.kill()
    else:
        with suppress(ProcessLookupError):
            kill_session(process.pid, 9)
    process.wait()


def _end(file: Any) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _MESSAGE_BYTES))
    return str(file.read().decode(errors="replace"))
