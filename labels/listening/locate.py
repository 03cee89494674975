"""Find the files of a test whose configuration or page names them by paths on another machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from glob import escape
from pathlib import Path, PurePosixPath


def locate(root: Path, names: Iterable[str]) -> dict[str, Path]:
    """Find the file of each name that a test uses; root / name, which does not exist, if there is none.

    A name with folders is looked up at that path below `root`, then without its first folders, but never by its last
    part alone. A bare file name may be anywhere below `root` if only one file and one of the names are called so. A
    file that two names would share by such a search is used for neither.
    """
    names = sorted(set(names))
    called = Counter(PurePosixPath(name).name for name in names)
    found = {name: _found(root, name, called[PurePosixPath(name).name] == 1) for name in names}
    users = Counter(found.values())
    return {name: path if path == root / name or users[path] == 1 else root / name for name, path in found.items()}


def _found(root: Path, name: str, search: bool) -> Path:
    parts = PurePosixPath(name).parts
    if ".." in parts:  # the job reports files outside the test's folder
        return root / name
    for start in range(max(1, len(parts) - 1)):
        if _is_file(path := root.joinpath(*parts[start:])):
            return path
    if len(parts) == 1 and search:
        with suppress(OSError, ValueError):  # none or several, or a name that no file can have
            (path,) = filter(_is_file, root.rglob(escape(name)))
            return path
    return root / name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # names that are too long or contain a null
        return False
