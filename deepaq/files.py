"""Files: found, identified by content, and written so that a half-written file is never taken for a finished one."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepaq.audio.container import SUFFIXES
from deepaq.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

PARTIAL = ".partial-"
LARGEST_JSON = 1 << 24


def audio_below(folder: Path) -> list[Path]:
    """Return the files anywhere below `folder` with a suffix of audio, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def check_writable(path: Path, option: str) -> None:
    """Raise UserError, naming the `option` that gave the path, when no file of that name can be made."""
    if not path.parent.is_dir():
        raise UserError(f"{option} {path}: {path.parent} is not a folder")
    if path.is_dir():
        raise UserError(f"{option} {path}: is a folder; name a file")


def printable(name: str) -> str:
    """Return a file's name as valid text: undecodable bytes are escaped."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """Read strict JSON of at most 16 MiB; OSError or ValueError for anything else."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is no file")
    if path.stat().st_size > LARGEST_JSON:
        raise ValueError(f"has more than {LARGEST_JSON >> 20} MiB")
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8 with line feeds: the same bytes on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number")


@contextmanager
def committed(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; after the block, flush it to disk and rename it to `path`.

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


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors, from any device, to a safetensors file with the permissions that the umask gives.

    Left to itself, safetensors lets nobody but the owner read its files.
    """
    from safetensors.torch import save_file

    path.touch()
    mode = path.stat().st_mode
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path)
    path.chmod(stat.S_IMODE(mode))


def partial_prefix() -> str:
    """Return a new prefix for a temporary name, which tells the process and machine that write there."""
    return f"{PARTIAL}{machine()}-{os.getpid()}-{secrets.token_hex(4)}-"


@contextmanager
def temporary_folder(where: Path) -> Iterator[Path]:
    """Yield a new folder in `where` that is removed at the end, also when an interrupt arrives during its removal."""
    folder = where / partial_prefix().rstrip("-")
    try:
        folder.mkdir()
        yield folder
    finally:
        try:
            shutil.rmtree(folder, ignore_errors=True)
        except KeyboardInterrupt:
            shutil.rmtree(folder, ignore_errors=True)
            raise


@cache
def machine() -> str:
    """Return the name of the host, or container, in which a process number is unique."""
    space = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()}-{space.stat().st_ino if space.exists() else 0}"


def sync(path: Path) -> None:
    """Flush a file or a folder to disk."""
    windows = os.name == "nt"  # flushes only what is open for writing, and no folders
    if windows and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
