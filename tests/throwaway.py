"""A throwaway environment: a virtual one that sees what is installed here, and into which a package can be installed
without a network."""

from __future__ import annotations

import os
import sysconfig
import venv
from pathlib import Path

from tests.conftest import ROOT

COMMANDS = ("prep", "labels", "training", "manifests", "deepaq")


def environment(folder: Path, cache: Path) -> dict[str, str]:
    """Make one in `folder` and return the variables under which its commands, python and pip run."""
    venv.create(folder, symlinks=True)
    programs = folder / "bin"
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for name in COMMANDS:
        _script(programs / name, f"from {name}.cli import main", f'main(prog_name="{name}")')
    _script(programs / "pip", "from runpy import run_module", 'run_module("pip", run_name="__main__")')
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DEEPAQ_CACHE": str(cache),
        "LOKY_MAX_CPU_COUNT": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which pip reads as: do not isolate
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _script(path: Path, *lines: str) -> None:
    path.write_text("\n".join([f"#!{path.parent / 'python'}", *lines, ""]))
    path.chmod(0o755)
