"""Resolve the pinned requirements of deepaq for another version of Python, from wheels alone; nothing is installed.

    python -m tests.bench.interpreter [VERSION]

VERSION is 3.14 by default. Three packages are resolved without their requirements: visqol-python, because
libsvm-official has no wheels for any version and is compiled; torch and peft, because they bring gigabytes of CUDA.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
ALONE = ("visqol-python", "torch", "peft")  # without their requirements


def requirements(version: str) -> list[Requirement]:
    """What deepaq with the extra `all` requires under that version of Python."""
    script = [sys.executable, "docker/requirements.py", "all"]
    lines = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    found = map(Requirement, lines)
    return [entry for entry in found if entry.marker is None or entry.marker.evaluate({"python_version": version})]


def resolved(version: str, *wanted: str) -> list[str]:
    """Names and versions of the wheels that pip would install; CalledProcessError if there are none that fit."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--target", folder,
             "--python-version", version, "--only-binary=:all:", "--report", str(report),
             # pip compares requires-python with the Python that it runs on; the tags of the wheels decide.
             "--ignore-requires-python", "--constraint", str(ROOT / "constraints.txt"), *wanted],
            check=True,
        )  # fmt: skip
        installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    return sorted(f"{entry['metadata']['name']}=={entry['metadata']['version']}" for entry in installs)


def main() -> None:
    version = sys.argv[1] if len(sys.argv) > 1 else "3.14"
    wanted = {entry.name: f"{entry.name}{entry.specifier}" for entry in requirements(version)}
    alone = resolved(version, "--no-deps", *map(wanted.pop, ALONE))
    found = [*alone, *resolved(version, *wanted.values(), "numba")]  # numba: what its [accel] adds
    print("\n".join(found))
    print(f"{len(found)} wheels for Python {version}")


if __name__ == "__main__":
    main()
