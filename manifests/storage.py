"""A data set's folder: room for what is to be written, what dead processes left, and no way out of it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
from pathlib import Path, PurePosixPath

from deepaq.errors import UserError
from deepaq.files import PARTIAL, machine

_DAY_S = 86_400


def sweep(root: Path, deep: bool = True) -> None:
    """Remove the temporary files and folders that dead processes left under `root`: those of this machine at once,
    those of others, of which nothing can be known, after a day.

    deep: anywhere below, else directly in it. Others may be at work and sweep there too.
    """
    pattern = re.compile(re.escape(f"{PARTIAL}{machine()}-") + r"(\d+)-")
    for where, folders, names in os.walk(root):
        for name in [*folders, *names]:
            path, match = Path(where, name), pattern.match(name)
            if not _alive(int(match[1])) if match else name.startswith(PARTIAL) and _old(path):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        folders[:] = [name for name in folders if deep and not name.startswith(PARTIAL)]


def _old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - _DAY_S
    except FileNotFoundError:
        return False


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # without a process list nothing can be said


def require_space(folder: Path, size: int) -> None:
    """Raise OSError when `size` bytes cannot be written into `folder` for lack of space, quota or permission."""
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(min(size, 1 << 16)))
        file.flush()
        os.fsync(file.fileno())


def inside(root: Path, relative: str) -> Path:
    """The file that a manifest's relative POSIX path names under `root`.

    Raises UserError when the path is absolute or leads out of the folder, through `..` or a symbolic link.
    """
    pure = PurePosixPath(relative)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in relative:
        raise UserError(f"{root}: the manifest names {relative!r}, which leads out of the data set; repair that row")
    path = root / pure
    if not path.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{root}: {relative!r} is a link out of the data set; repair that row")
    return path
