"""A user's folder and a throwaway environment to work in."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from manifests.schema import TableSpec

TRANSCODE = "prep transcode music --out data --clip 5"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> Any:
        """What a command that succeeded printed as JSON."""
        assert self.code == 0, self.stderr
        return json.loads(self.stdout.splitlines()[-1])

    @property
    def error(self) -> str:
        """The one line of a command that ended with 2."""
        assert self.code == 2, self.stdout + self.stderr
        (line,) = (line for line in self.stderr.splitlines() if line.startswith("error: "))
        return line


@dataclass(frozen=True)
class Place:
    """A folder and the variables of the environment."""

    folder: Path
    variables: dict[str, str]

    def run(self, *command: str) -> Done:
        done = subprocess.run(command, cwd=self.folder, env=self.variables, capture_output=True, text=True, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    def line(self, line: str) -> Done:
        return self.run(*line.split())

    def pip(self, line: str) -> None:
        done = self.line(f"pip {line}")
        assert done.code == 0, done.stdout + done.stderr

    def tools(self, spec: TableSpec, rater: str | None = None, data: str = "data") -> dict[str, str]:
        """The tools that a table's first fragment names."""
        found: dict[str, str] = read_footer(fragments(Dataset(self.folder / data).folder(spec, rater))[0])["tools"]
        return found
