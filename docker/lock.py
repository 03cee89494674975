"""Print a lock of an installation: every package it needs, those that others bring too, with the hash of its file.

    python docker/requirements.py all dask > requirements.txt
    python docker/lock.py requirements.txt > docker/constraints.lock
    pip install --require-hashes -r docker/constraints.lock

The versions in constraints.txt apply. pip chooses the files as it would install them, so run this with the Python
version and on the platform that the lock is for; pip's own settings (PIP_INDEX_URL, ...) apply. Nothing is installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def main() -> None:
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
        digest = source.get("archive_info", {}).get("hashes", {}).get("sha256")
        if digest is None:
            sys.exit(f"{about['name']}: {source['url']} has no SHA-256; lock packages from an index or from files")
        lines.append(f"{about['name'].lower()}=={about['version']} --hash=sha256:{digest}")
    print(f"# Python {sys.version_info[0]}.{sys.version_info[1]}, {sys.platform}; made by {Path(__file__).name}")
    print(*sorted(lines), sep="\n")


if __name__ == "__main__":
    main()
