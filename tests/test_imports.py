"""The rules of the house: imports only go down, and `--help` loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "deepaq": set(),
    "manifests": {"deepaq"},
    "prep": {"deepaq", "manifests"},
    "labels": {"deepaq", "manifests", "prep"},
    "training": {"deepaq", "manifests", "prep"},
}


def imported_packages(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_go_down(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        up = imported_packages(path) & (set(ALLOWED) - {package} - ALLOWED[package])
        assert not up, f"{path.relative_to(ROOT)} imports {sorted(up)}"


@pytest.mark.parametrize("command", [name for name in ALLOWED if (ROOT / name / "cli.py").exists()])
def test_help_loads_nothing_heavy(command: str) -> None:
    code = (
        f"import sys; from {command}.cli import main; main(['--help'], standalone_mode=False)\n"
        "print(sorted({'torch', 'transformers', 'numba', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
