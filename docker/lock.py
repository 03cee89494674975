"""Print a lock of an installation: every package it needs, those that others bring too, with the hash of its file.

    python docker/requirements.py all dask > requirements.txt
    python docker/lock.py requirements.txt > docker/constraints.lock
    pip install --no-deps --require-hashes -r docker/constraints.lock

The versions in constraints.txt apply. pip chooses the files as it would install them, so run this with the Python
version and on the platform that the lock is for; pip's own settings (PIP_INDEX_URL, ...) apply. Nothing is installed.
Not in the lock are PyTorch and the parts of CUDA that come with it: they are installed first, from the index of the
wanted build, so that one lock serves all builds.

    python docker/lock.py --fits docker/constraints.lock

exits with 0 if the lock is for this Python version and platform, else with 1.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

TORCH = re.compile(r"torch|triton|(nvidia|cuda)-.*")


def head() -> str:
    """First line of a lock: what it is for."""
    return f"# Python {sys.version_info[0]}.{sys.version_info[1]}, {sys.platform}, {platform.machine()}"


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] == "--fits":
        path = Path(sys.argv[2])
        sys.exit(0 if path.is_file() and path.read_text().partition("\n")[0] == head() else 1)
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    options = ["--dry-run", "--ignore-installed", "--quiet", "--report", "-", "--constraint", "constraints.txt"]
    command = [sys.executable, "-m", "pip", "install", *options, "--requirement", sys.argv[1]]
    report = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if report.returncode:
        sys.exit(report.returncode)
    lines = []
    for found in json.loads(report.stdout)["install"]:
        about, source = found["metadata"], found["download_info"]
        name = re.sub(r"[-_.]+", "-", about["name"]).lower()
        if TORCH.fullmatch(name):
            continue
        digest = source.get("archive_info", {}).get("hashes", {}).get("sha256")
        if digest is None:
            sys.exit(f"{name}: {source['url']} has no SHA-256; lock packages from an index or from files")
        lines.append(f"{name}=={about['version']} --hash=sha256:{digest}")
    print(head())
    print(*sorted(lines), sep="\n")


if __name__ == "__main__":
    main()
