"""Blocks of code in the documentation."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from tests.conftest import ROOT

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Block:
    page: str
    info: str
    text: str

    @property
    def language(self) -> str:
        return self.info.split()[0] if self.info else ""

    def option(self, name: str) -> str | None:
        """The value of `name=...` beside the language."""
        found = re.search(rf'{name}=(?:"([^"]*)"|(\S+))', self.info)
        return found and (found[1] or found[2])

    def saying(self, text: str) -> Block:
        return replace(self, text=text)

    def run(self, folder: Path, variables: dict[str, str]) -> None:
        """Run a console or Python block in `folder`; AssertionError with its output unless it succeeds."""
        shell = ["python", "-c"] if self.language == "python" else ["bash", "-euo", "pipefail", "-c"]
        command = [*shell, self.text]
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{self.page}:\n{self.text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def blocks(page: str) -> list[Block]:
    """The blocks of a page, named by its path in the repository."""
    return [Block(page, info.strip(), text) for info, text in FENCE.findall((ROOT / page).read_text())]
