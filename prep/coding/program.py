"""The contract of encoding programs, and helpers to run them safely."""

from __future__ import annotations

import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deepaq.files import file_sha256
from prep.coding.coding import Coding


@dataclass(frozen=True)
class Encoded:
    """A coded file. path: readable by `deepaq.audio.read`. bitstream_bytes: by default the file's size."""

    path: Path
    bitstream_bytes: int


class Program(ABC):
    """A program that encodes; name: as in condition settings."""

    name: str

    @abstractmethod
    def version(self) -> str:
        """Identify the build; builds with different output differ."""

    @abstractmethod
    def missing(self, encoder: str) -> str | None:
        """Return why `encoder` is not available and what to do; None if it is."""

    @abstractmethod
    def options(self, encoder: str, kbps: int, sample_rate: int, more: Mapping[str, str]) -> dict[str, str]:
        """Exact options, by name without the leading dash, that request `kbps` at `sample_rate` from `encoder`."""

    @abstractmethod
    def encode(
        self, clip: Path, codings: Sequence[Coding], folder: Path, timeout: float
    ) -> dict[Coding, Encoded | str]:
        """Encode the file `clip` into `folder`; returns, by coding, the new file or the reason for its absence.

        timeout: seconds of wall time that the program may take.
        """


def run(command: Sequence[str], timeout: float) -> str | None:
    """Run a command without input; returns None on success, else the reason in one line.

    timeout: seconds of wall time, after which the process is killed.
    """
    name = Path(command[0]).name.partition("-")[0]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return f"{name} took longer than {timeout:.0f} s"
    return f"{name} {last_line(result)}" if result.returncode else None


def last_line(result: subprocess.CompletedProcess[bytes]) -> str:
    """Describe how a program ended, with the last line of its messages."""
    lines = result.stderr.decode(errors="replace").strip().splitlines()
    return f"ended with {result.returncode}: {lines[-1] if lines else 'no message'}"


def encoded(path: Path) -> Encoded:
    """Wrap a file that consists of bitstream and container only."""
    return Encoded(path, path.stat().st_size)


@cache
def digest(program: str) -> str:
    """Start of a program's SHA-256, for programs that do not report a version."""
    found = shutil.which(program)
    return file_sha256(Path(found))[:12] if found else "absent"
