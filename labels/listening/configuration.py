"""The YAML configuration of webMUSHRA, read as untrusted input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deepaq.audio.container import reason
from deepaq.errors import UserError
from labels.listening.files import below, content

SUFFIXES = ("*.[yY][aA][mM][lL]", "*.[yY][mM][lL]")
LARGEST_BYTES = 1_000_000
DEEPEST = 50  # levels of nesting
MUSHRA = "mushra"


@dataclass(frozen=True)
class Page:
    """A page of the test: its id and the names of its reference and stimuli."""

    name: str
    reference: str
    stimuli: dict[str, str]


class _Loader(yaml.BaseLoader):
    """Reads every scalar as text, to keep names such as `on` and 1.50; refuses aliases and deep nesting."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it uses an alias; write the value out")
        if self.depth >= DEEPEST:
            raise yaml.YAMLError(f"it is nested more than {DEEPEST} levels deep")
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def configurations(folder: Path) -> list[Path]:
    """List the YAML files at or below a folder."""
    return below(folder, *SUFFIXES)


def pages(path: Path, test: str) -> list[Page] | None:
    """Read the pages with stimuli of the configuration whose testId is `test`; None if it is for another test.

    Raises UserError if the file cannot be read, is too large or too deep, or uses aliases.
    """
    try:
        described = yaml.load(content(path, LARGEST_BYTES).decode(), _Loader)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise UserError(f"{path}: cannot be read as YAML ({reason(error)})") from None
    if not isinstance(described, dict) or described.get("testId") != test:
        return None
    return list(_pages(described.get("pages")))


def _pages(pages: Any) -> Iterator[Page]:
    """Yield the pages, also from the nested lists that webMUSHRA shuffles."""
    for page in pages if isinstance(pages, list) else ():
        if isinstance(page, list):
            yield from _pages(page)
        elif isinstance(page, dict) and page.get("type") == MUSHRA and isinstance(page.get("reference"), str):
            stimuli = page.get("stimuli")
            texts = stimuli.items() if isinstance(stimuli, dict) else ()
            files = {name: file for name, file in texts if isinstance(name, str) and isinstance(file, str)}
            if page["reference"]:
                yield Page(str(page.get("id")), page["reference"], files)
