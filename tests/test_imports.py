"""The layout of the code: imports only go down, no circles at any level, and `--help` loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "deepaq": set(),
    "manifests": {"deepaq"},
    "prep": {"deepaq", "manifests"},
    "labels": {"deepaq", "manifests"},
    "training": {"deepaq", "manifests"},
}
FOLDERS = sorted({path.parent for package in ALLOWED for path in (ROOT / package).rglob("*.py")})
REGISTRIES = {"labels/raters", "prep/distortions"}  # rows of like things, which may be long
MOST_FILES, MOST_LINES = 14, 250


def imported(path: Path) -> set[str]:
    """Dotted names of what a file imports from the project, with the imported name appended."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.partition(".")[0] in ALLOWED}


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_what_lies_below(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        packages = {name.partition(".")[0] for name in imported(path)}
        up = packages - {package} - ALLOWED[package]
        assert not up, f"{path.relative_to(ROOT)} imports {sorted(up)}"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_no_circle_among_the_files_and_folders_of_a_folder(folder: Path) -> None:
    """A circle would mean that some folder or file imports from one above it."""
    prefix = ".".join(folder.relative_to(ROOT).parts) + "."
    units: dict[str, list[Path]] = {}
    for path in folder.rglob("*.py"):
        first = path.relative_to(folder).parts[0]
        if first != "__init__.py":
            units.setdefault(first.removesuffix(".py"), []).append(path)
    graph = {
        unit: {
            name.removeprefix(prefix).partition(".")[0]
            for path in paths
            for name in imported(path)
            if name.startswith(prefix)
        }
        & (set(units) - {unit})
        for unit, paths in units.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"{prefix[:-1]}: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_folders_and_files_stay_small(folder: Path) -> None:
    files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    if folder.relative_to(ROOT).as_posix() not in REGISTRIES:
        assert len(files) <= MOST_FILES
    long = {path.name: lines for path in files if (lines := len(path.read_text().splitlines())) > MOST_LINES}
    assert not long


@pytest.mark.parametrize("command", [name for name in ALLOWED if (ROOT / name / "cli.py").exists()])
def test_help_loads_nothing_heavy(command: str) -> None:
    code = (
        f"import sys; from {command}.cli import main; main(['--help'], standalone_mode=False)\n"
        "print(sorted({'torch', 'transformers', 'numba', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_no_help_searches_installed_packages_for_parts() -> None:
    code = (
        "import importlib.metadata as metadata\n"
        "from click.testing import CliRunner\n"
        "from importlib import import_module\n"
        "def refuse(**parameters): raise AssertionError('searched')\n"
        "metadata.entry_points = refuse\n"
        f"for command in {sorted(ALLOWED)}:\n"
        "    main = import_module(f'{command}.cli').main\n"
        "    for line in ([], *([name] for name in main.commands)):\n"
        "        done = CliRunner().invoke(main, [*line, '--help'])\n"
        "        assert done.exit_code == 0, (line, done.exception)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stderr
