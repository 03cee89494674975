"""Print the requirements of deepaq and of the extras given as arguments, one per line, from pyproject.toml."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
for extra in (None, *sys.argv[1:]):
    print(*(project["optional-dependencies"][extra] if extra else project["dependencies"]), sep="\n")
