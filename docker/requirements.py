"""Print the requirements of deepaq and of the extras given as arguments, one per line, from pyproject.toml."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]


def requirements(extra: str = "") -> Iterator[str]:
    """Requirements of an extra, "" for those of every installation; an extra may stand for others: deepaq[a,b]."""
    for line in project["optional-dependencies"][extra] if extra else project["dependencies"]:
        if others := re.fullmatch(r"deepaq\[(.+)\]", line):
            for other in others[1].split(","):
                yield from requirements(other)
        else:
            yield line


print(*dict.fromkeys(line for extra in ("", *sys.argv[1:]) for line in requirements(extra)), sep="\n")
