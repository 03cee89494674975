"""The page that `manifests report` makes."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from manifests.cli import main
from tests.manifests.report.test_page import Document


def report(data: Path, *arguments: str) -> Document:
    run = CliRunner().invoke(main, ["report", str(data), "--json", *arguments])
    assert run.exit_code == 0, run.output
    result = json.loads(run.stdout)
    text = Path(result["path"]).read_text(encoding="utf-8")
    assert len(text.encode()) == result["bytes"]
    return Document(text)
