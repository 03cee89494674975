"""Files: found, identified by content, and written so that nothing half-written is ever taken for done."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from deepaq.audio.container import SUFFIXES
from deepaq.errors import UserError

PARTIAL = ".partial-"


def audio_below(folder: Path) -> list[Path]:
    """The audio files, by their suffix, anywhere below `folder`, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def check_writable(path: Path, option: str) -> None:
    """UserError, naming the `option` that gave it, when no file of that name can be made."""
    if not path.parent.is_dir():
        raise UserError(f"{option} {path}: {path.parent} is no folder")
    if path.is_dir():
        raise UserError(f"{option} {path}: is a folder; name a file")


def printable(name: str) -> str:
    """A file's name as text that every writer takes: bytes of it that are no text are escaped."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def committed(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, flush it to disk and rename it to `path`.

    A reader sees the old file, the whole new one, or none. The temporary file is removed when the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{partial_prefix()}{path.name}")
    try:
        yield partial
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def partial_prefix() -> str:
    """A new prefix for a temporary name; it says which process on which machine writes there."""
    return f"{PARTIAL}{machine()}-{os.getpid()}-{secrets.token_hex(4)}-"


@cache
def machine() -> str:
    """Where a process number means one process: on a host, or in a container that shares the host's name."""
    space = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()}-{space.stat().st_ino if space.exists() else 0}"


def sync(path: Path) -> None:
    """Flush a file or a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
