"""Blocks of code in the documentation."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import PIPE

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
        """Run a console or Python block in `folder`; AssertionError with its output unless it succeeds.

        What it leaves running in the background is killed.
        """
        shell = ["python", "-c"] if self.language == "python" else ["bash", "-euo", "pipefail", "-c"]
        command = [*shell, self.text]
        with subprocess.Popen(
            command, cwd=folder, env=variables, stdout=PIPE, stderr=PIPE, text=True, start_new_session=True
        ) as process:
            try:
                printed, errors = process.communicate()
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == 0, f"{self.page}:\n{self.text}\n{printed[-2000:]}\n{errors[-2000:]}"


def blocks(page: str) -> list[Block]:
    """The blocks of a page, named by its path in the repository."""
    return [Block(page, info.strip(), text) for info, text in FENCE.findall((ROOT / page).read_text())]
