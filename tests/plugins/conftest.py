"""The package of docs/extending.md, written, trained, installed, used and tested exactly as that page says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import throwaway, warm
from tests.pages import blocks
from tests.plugins.place import Place

PAGE = "docs/extending.md"


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A user's folder in which the page was followed up to its last block, which uninstalls the package."""
    pytest.importorskip("setuptools", "77", reason="building without network needs setuptools 77 or newer")
    root = tmp_path_factory.mktemp("plugins")
    folder = root / "user"
    folder.mkdir()
    with warm.commands(root / "warm", throwaway.environment(root / "environment", root / "cache")) as variables:
        *followed, last = blocks(PAGE)
        assert "pip uninstall" in last.text
        for block in followed:
            if path := block.option("new"):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(block.text)
            elif block.language == "console":
                block.run(folder, variables)
        yield Place(folder, variables)
