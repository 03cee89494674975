"""Files of a data set: none outside it, nothing left by processes that died."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deepaq.errors import UserError
from deepaq.files import PARTIAL, partial_prefix
from manifests.storage import inside, sweep
from tests import hosts
from tests.conftest import ROOT


@pytest.mark.parametrize("relative", ["../x", "/etc/passwd", "a/../../x", "", "a\0b"])
def test_paths_cannot_leave_the_folder(tmp_path: Path, relative: str) -> None:
    with pytest.raises(UserError, match="leads out"):
        inside(tmp_path, relative)


def test_links_cannot_leave_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    (tmp_path / "secret").write_text("x")
    (root / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match="link out"):
        inside(root, "link")


PREFIX = [sys.executable, "-c", "from deepaq.files import partial_prefix; print(partial_prefix())"]


def prefix_of_another(before: Sequence[str] = ()) -> str:
    """The prefix of a process that has ended."""
    return subprocess.run([*before, *PREFIX], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


def test_only_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    dead = prefix_of_another()
    (tmp_path / f"{dead}folder").mkdir()
    (tmp_path / f"{dead}folder" / "half.opus").write_bytes(b"x")
    (tmp_path / f"{dead}half").write_bytes(b"x")
    alive = tmp_path / f"{partial_prefix()}half"
    alive.write_bytes(b"x")
    elsewhere, long_ago = (tmp_path / f"{PARTIAL}another-machine-{number}-ab-half" for number in (1, 2))
    for path in (elsewhere, long_ago):
        path.write_bytes(b"x")
    os.utime(long_ago, (0, 0))
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {alive, elsewhere}


@pytest.mark.skipif(bool(hosts.missing()), reason=hosts.missing())
def test_a_container_with_our_name_is_another_machine(tmp_path: Path) -> None:
    theirs = tmp_path / f"{prefix_of_another(['unshare', '--pid', '--fork', '--mount-proc'])}half"
    theirs.write_bytes(b"x")
    sweep(tmp_path)
    assert theirs.exists()
