"""What every encoding program can do, and running one safely."""

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
    """path: a file that `deepaq.audio.read` decodes. bitstream_bytes: what coding took, the file's size by default."""

    path: Path
    bitstream_bytes: int


class Program(ABC):
    """A program that encodes; name: as in condition settings."""

    name: str

    @abstractmethod
    def version(self) -> str:
        """What tells two builds with different output apart."""

    @abstractmethod
    def missing(self, encoder: str) -> str | None:
        """Why `encoder` cannot be used here and what to do, None when it can."""

    @abstractmethod
    def options(self, encoder: str, kbps: int, sample_rate: int, more: Mapping[str, str]) -> dict[str, str]:
        """The exact options, by name without the leading dash, that ask `encoder` for `kbps` at `sample_rate`."""

    @abstractmethod
    def encode(
        self, clip: Path, codings: Sequence[Coding], folder: Path, timeout: float
    ) -> dict[Coding, Encoded | str]:
        """Encode the file `clip` into `folder`; per coding the new file or why there is none.

        timeout: seconds of wall time that the program may take.
        """


def run(command: Sequence[str], timeout: float) -> str | None:
    """Run a command without input; None when it succeeded, else why not in one line.

    timeout: seconds of wall time, after which the process is killed.
    """
    name = Path(command[0]).name.partition("-")[0]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return f"{name} took longer than {timeout:.0f} s"
    return f"{name} {last_line(result)}" if result.returncode else None


def last_line(result: subprocess.CompletedProcess[bytes]) -> str:
    """How a program ended, with the last line of its messages."""
    lines = result.stderr.decode(errors="replace").strip().splitlines()
    return f"ended with {result.returncode}: {lines[-1] if lines else 'no message'}"


def encoded(path: Path) -> Encoded:
    """A file whose bytes are all bitstream and container."""
    return Encoded(path, path.stat().st_size)


@cache
def digest(program: str) -> str:
    """The start of a program's SHA-256, for programs that do not say their version."""
    found = shutil.which(program)
    return file_sha256(Path(found))[:12] if found else "absent"
