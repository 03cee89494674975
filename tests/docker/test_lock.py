"""The lock of an installation: transitive packages and the hashes of their files."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


def wheel(folder: Path, name: str, requires: str = "") -> Path:
    """A tiny package."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        about = f"{name}-1.0.dist-info"
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    return path


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """pip's settings: packages come from a folder alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return {**kept, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}


def test_a_lock_names_what_others_bring_and_its_hashes_are_checked(tmp_path: Path, offline: dict[str, str]) -> None:
    files = [wheel(tmp_path, "lock_outer", "lock-inner"), wheel(tmp_path, "lock_inner")]
    (tmp_path / "requirements.txt").write_text("lock-outer\n")
    command = [sys.executable, "docker/lock.py", str(tmp_path / "requirements.txt")]
    run = subprocess.run(command, cwd=ROOT, env=offline, capture_output=True, text=True, check=True)
    comment, *lines = run.stdout.splitlines()
    assert comment.startswith("# Python 3.")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    assert [line.partition(" --hash=sha256:")[2] for line in lines] == digests[::-1]
    assert "lock" in lines[0]
    assert "inner==1.0" in lines[0]
    lock = tmp_path / "constraints.lock"
    lock.write_text(run.stdout)
    fits = [sys.executable, "docker/lock.py", "--fits", str(lock)]
    assert subprocess.run(fits, cwd=ROOT).returncode == 0
    (tmp_path / "other.lock").write_text(run.stdout.replace("# Python 3.", "# Python 4.", 1))
    for path in (tmp_path / "other.lock", tmp_path / "none.lock"):
        assert subprocess.run([*fits[:-1], str(path)], cwd=ROOT).returncode == 1
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(tmp_path / "to"),
        "--require-hashes",
    ]
    install += ["-r", str(lock)]
    assert subprocess.run(install, env=offline, capture_output=True).returncode == 0
    with zipfile.ZipFile(files[1], "a") as archive:
        archive.writestr("evil.py", "")
    again = subprocess.run(install, env=offline, capture_output=True, text=True)
    assert again.returncode != 0
    assert "hash" in again.stderr.lower()


def test_the_lock_in_the_repository_holds_what_the_image_needs_at_the_versions_of_constraints_txt() -> None:
    """Made again by `make lock` when the requirements change."""
    command = [sys.executable, "docker/requirements.py", "all", "dask"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    # Markers of other Python versions than the image's 3.11 do not apply.
    needed = {name(line) for line in run.stdout.splitlines() if "python_version>='3.13'" not in line}
    first, *lines = (ROOT / "docker" / "constraints.lock").read_text().splitlines()
    assert first == "# Python 3.11, linux, x86_64"
    assert all(re.fullmatch(r"[a-z0-9-]+==[^ ]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    locked = {name(line): line.split()[0].partition("==")[2] for line in lines}
    pinned = (line.partition("==") for line in (ROOT / "constraints.txt").read_text().splitlines())
    versions = {name(package): version for package, _, version in pinned}
    assert needed - set(locked) == {"torch"}  # installed from the index of the wanted build
    for package in needed & set(versions) & set(locked):
        assert locked[package] == versions[package], package


def name(requirement: str) -> str:
    """Name of the package that a requirement or a lock's line begins with, as indices write it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[=<>~! ;]", requirement)[0]).lower()
