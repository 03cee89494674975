"""A data set's folder: free space, leftovers of dead processes, and paths that stay inside."""

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
    """Remove the temporary files and folders that dead processes left under `root`.

    Those of this machine go at once; those of other machines, whose processes cannot be looked up, after a day.
    deep: anywhere below `root`, else directly in it. Several processes may sweep and work at the same time.
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
    import psutil

    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # another user's
        return True


def require_space(folder: Path, size: int) -> None:
    """Raise OSError when space, quota or permissions do not allow `size` more bytes in `folder`."""
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(min(size, 1 << 16)))
        file.flush()
        os.fsync(file.fileno())


def inside(root: Path, relative: str) -> Path:
    """Return the file under `root` that a manifest's relative POSIX path names.

    Raises UserError when the path is absolute, leads out of the folder through `..` or a symbolic link, or names a
    pipe or a device.
    """
    pure = PurePosixPath(relative)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in relative:
        raise UserError(f"{root}: {relative!r} leads out of the data set; repair that row")
    path = root / pure
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            raise UserError(f"{root}: {relative!r} is a link out of the data set; put the file itself there")
        if path.exists() and not (path.is_file() or path.is_dir()):  # reading a pipe would wait for its writer
            raise UserError(f"{root}: {relative!r} is not a regular file; remove it")
    except (OSError, RuntimeError) as error:  # too long a name, a loop of links
        raise UserError(f"{root}: {relative[:80]!r} cannot be looked up ({error}); repair that row") from None
    return path
