"""Scores, data sets and labels need nothing that only POSIX systems have, and text is UTF-8 on all of them."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.sounds import music, write

PACKAGES = ("deepaq", "manifests", "prep", "labels", "training")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
POSIX_MODULES = {"crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
# Attributes that Windows lacks, by module; a guard by hasattr, getattr or os.name does not name them this way.
POSIX_ATTRIBUTES = {
    "os": {
        "chown", "fchmod", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg", "getpgid", "getpgrp",
        "getsid", "getuid", "killpg", "lchown", "mkfifo", "mknod", "nice", "pread", "pwrite", "setpgid", "setsid",
        "sched_getaffinity", "sched_setaffinity", "statvfs", "sysconf", "uname", "wait", "wait3", "wait4", "WNOHANG",
    },
    "signal": {"SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGTSTP", "SIGUSR1", "SIGUSR2",
               "alarm", "pause", "pthread_sigmask", "setitimer", "sigwait"},
    "time": {"clock_gettime", "tzset"},
}  # fmt: skip
# Runs commands in a process in which no file of the project can import the modules named.
SCRIPT = """
import builtins, json, sys
hidden, packages = json.loads(sys.argv[1])
original = builtins.__import__

def ours(name, globals=None, locals=None, fromlist=(), level=0):
    asker = (globals or {}).get("__name__", "").partition(".")[0]
    if asker in packages and name.partition(".")[0] in hidden:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return original(name, globals, locals, fromlist, level)

builtins.__import__ = ours
from importlib import import_module
from click.testing import CliRunner
for line in sys.argv[2:]:
    program, *arguments = line.split()
    done = CliRunner().invoke(import_module(f"{program}.cli").main, arguments)
    print(line, done.exit_code, done.stderr, done.exception or "")
    assert done.exit_code == 0
"""


def test_without_posix_modules_music_is_prepared_labelled_shown_and_scored(tmp_path: Path) -> None:
    write(tmp_path / "music" / "a.wav", music(4))
    lines = (
        "prep transcode music --out data --codecs opus --bitrates 64 --distortions noise-3 --clip 2 --jobs 1",
        "labels rate data --rater lsd --jobs 1",
        "manifests check data",
        "manifests show data",
        "deepaq score music/a.wav music/a.wav",
    )
    names = json.dumps([sorted(POSIX_MODULES), PACKAGES])
    command = [sys.executable, "-c", SCRIPT, names, *lines]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def posix_only(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            wanted = {alias.name for alias in node.names} & POSIX_ATTRIBUTES.get(node.module or "", set())
            yield from (f"{node.module}.{name}" for name in wanted)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = node.value.id
            yield from (
                f"line {node.lineno}: {owner}.{name}" for name in {node.attr} & POSIX_ATTRIBUTES.get(owner, set())
            )
        yield from (f"line {node.lineno}: {name}" for name in names if name.partition(".")[0] in POSIX_MODULES)


def locale_text(path: Path) -> Iterator[str]:
    """Places that read or write text in the encoding of the user's system."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        stated = {keyword.arg for keyword in node.keywords}
        mode = next((a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)), "r")
        whole = name == "write_text" or (name == "read_text" and not node.args)  # with arguments it is a resource's
        text = whole or (name == "open" and "b" not in mode and is_a_path(node.func))
        if text and "encoding" not in stated:
            yield f"line {node.lineno}: {name}"


def is_a_path(function: ast.expr) -> bool:
    """False for av.open, os.open, tarfile.open and the like."""
    if isinstance(function, ast.Name):
        return True
    owner = function.value if isinstance(function, ast.Attribute) else None
    return not (isinstance(owner, ast.Name) and owner.id in ("av", "os", "tarfile", "wave", "zipfile", "soundfile"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_needs_nothing_that_only_posix_has_and_states_its_encoding(path: Path) -> None:
    assert [*posix_only(path), *locale_text(path)] == []
