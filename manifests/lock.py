"""The package lock of a data set: what was installed where its rows were made, one file per set of packages."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from deepaq.files import committed
from manifests.ids import joined_id

FOLDER = "packages"


@cache
def installed() -> str:
    """All installed distributions as sorted lines `name==version`, which pip takes as constraints."""
    # The folders' names say what the metadata in them says, without reading two hundred files.
    found = {path.stem for entry in sys.path if Path(entry).is_dir() for path in Path(entry).glob("*.dist-info")}
    return "".join(f"{'=='.join(stem.rsplit('-', 1))}\n" for stem in sorted(found))


def lock_id() -> str:
    """The id of `installed()`, by which footers name it."""
    return joined_id(installed())


def keep_lock(root: Path) -> None:
    """Write `installed()` into the data set at `root`, where it is not there yet."""
    path = root / FOLDER / f"{lock_id()}.txt"
    if not path.exists():
        with committed(path) as partial:
            partial.write_text(installed())


def read_lock(root: Path, name: str) -> dict[str, str]:
    """Versions by package of the lock with that id; empty where the data set has none."""
    path = root / FOLDER / f"{name}.txt"
    lines = path.read_text().split() if path.is_file() else []
    return {package: version for package, _, version in (line.partition("==") for line in lines)}
