"""Package lock of a data set: the packages installed where its rows were made, one file per set of packages."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

from deepaq.errors import UserError
from deepaq.files import committed, write_text
from manifests.ids import ID_LENGTH, joined_id
from manifests.storage import inside

FOLDER = "packages"


@cache
def installed() -> str:
    """All installed distributions as sorted lines `name==version`, usable as pip constraints."""
    # The folders' names give name and version without reading hundreds of metadata files.
    found = {path.stem for entry in sys.path if Path(entry).is_dir() for path in Path(entry).glob("*.dist-info")}
    return "".join(f"{'=='.join(stem.rsplit('-', 1))}\n" for stem in sorted(found))


def lock_id() -> str:
    """Id of `installed()`, which footers refer to."""
    return joined_id(installed())


def keep_lock(root: Path) -> None:
    """Write `installed()` into the data set at `root` unless it is there."""
    path = inside(root, f"{FOLDER}/{lock_id()}.txt")
    if not path.exists():
        with committed(path) as partial:
            write_text(partial, installed())


def read_lock(root: Path, name: str) -> dict[str, str]:
    """Versions by package of the lock with that id; empty when the data set has none.

    name: from a footer, which may come from anywhere; what is no id names no file. UserError for an unreadable lock.
    """
    if not re.fullmatch(rf"[0-9a-f]{{{ID_LENGTH}}}", name):
        return {}
    path = inside(root, f"{FOLDER}/{name}.txt")
    if not path.is_file():
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except ValueError:
        raise UserError(f"{path}: is not a list of packages; move it away") from None
    return {package: version for package, mark, version in (line.partition("==") for line in lines) if mark}
