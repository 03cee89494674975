"""What a command may do with hostile input, and what is in a folder."""

from __future__ import annotations

from pathlib import Path

from click.testing import Result

from tests.fuzz.hostile.datasets import ESCAPE, SECRET


def check(result: Result, command: list[str]) -> None:
    """Fail unless a command ended with a documented exit code, said why in one line, and printed nothing foreign."""
    assert result.exception is None or isinstance(result.exception, SystemExit), f"{command}: {result.exception!r}"
    assert result.exit_code in (0, 1, 2)
    if result.exit_code == 2:
        assert len(result.stderr.splitlines()) == 1, result.stderr
    assert ESCAPE[0] not in result.output
    assert SECRET not in result.output


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder by their paths in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
