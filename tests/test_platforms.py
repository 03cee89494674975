"""Scores, data sets and labels need nothing that only POSIX systems have, and text is the same on all of them."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest

from deepaq.audio import decode
from deepaq.cli import main
from deepaq.comparison.files import originals
from deepaq.errors import UserError
from deepaq.scoring.metric import load
from deepaq.watching import alarm
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
# Runs commands in a process in which no file of the project can import the modules named and, as on Windows, no file
# that is open or mapped can be renamed, replaced or deleted.
SCRIPT = """
import builtins, json, os, sys
hidden, packages = json.loads(sys.argv[1])
original = builtins.__import__

def ours(name, globals=None, locals=None, fromlist=(), level=0):
    asker = (globals or {}).get("__name__", "").partition(".")[0]
    if asker in packages and name.partition(".")[0] in hidden:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return original(name, globals, locals, fromlist, level)

def in_use():
    for number in os.listdir("/proc/self/fd"):
        if os.path.islink(f"/proc/self/fd/{number}"):
            yield os.readlink(f"/proc/self/fd/{number}")
    with open("/proc/self/maps") as lines:
        yield from (line.rstrip().split(None, 5)[-1] for line in lines)

def windows(event, given):
    count = {"os.rename": 2, "os.remove": 1}.get(event, 0)
    for name, folder in zip(given[:count], given[count:]):
        where = "" if folder == -1 else os.readlink(f"/proc/self/fd/{folder}")
        path = os.path.realpath(os.path.join(where, name))
        if any(each == path or each.startswith(path + "/") for each in in_use()):
            raise PermissionError(13, "is open", path)

builtins.__import__ = ours
if os.path.isdir("/proc/self/fd"):
    sys.addaudithook(windows)
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
        "manifests compact data",
        "manifests check data",
        "manifests show data",
        "manifests export data --webdataset --out exported",
        "deepaq score music/a.wav music/a.wav --timeline line.csv",
        "deepaq score --against music music/a.wav",
        "deepaq embed music/a.wav --out points.npz",
    )
    names = json.dumps([sorted(POSIX_MODULES), PACKAGES])
    command = [sys.executable, "-c", SCRIPT, names, *lines]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "DEEPAQ_CACHE": str(tmp_path / "cache")}
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
    """Places that read or write text in the encoding, or write it with the line ends, of the user's system."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        stated = {keyword.arg for keyword in node.keywords}
        mode = next((a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)), "r")
        # The function write_text, without an owner, is that of deepaq.files.
        writes = name == "write_text" and isinstance(node.func, ast.Attribute)
        opens = name == "open" and "b" not in mode and is_a_path(node.func)
        needed = (
            {"encoding"} if writes or opens or (name == "read_text" and not node.args) else set()
        )  # or a resource's
        needed |= {"newline"} if writes or (opens and mode != "r") else set()
        yield from (f"line {node.lineno}: {name} without {lacking}" for lacking in needed - stated)


def windows_names(path: Path) -> Iterator[str]:
    """Places that would hold backslashes in tables, or open a file twice that Windows opens once."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id="NamedTemporaryFile") | ast.Attribute(attr="NamedTemporaryFile"):
                yield f"line {node.lineno}: NamedTemporaryFile, which only its maker can open; use a temporary folder"
            case ast.Call(func=ast.Name(id="str"), args=[argument]) if "relative_to(" in ast.unparse(argument):
                yield f"line {node.lineno}: str of a relative path; use as_posix()"


def is_a_path(function: ast.expr) -> bool:
    """False for av.open, os.open, tarfile.open and the like."""
    if isinstance(function, ast.Name):
        return True
    owner = function.value if isinstance(function, ast.Attribute) else None
    return not (isinstance(owner, ast.Name) and owner.id in ("av", "os", "tarfile", "wave", "zipfile", "soundfile"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_needs_nothing_that_only_posix_has_and_states_its_encoding(path: Path) -> None:
    assert [*posix_only(path), *locale_text(path), *windows_names(path)] == []


def test_a_model_on_the_hub_has_slashes_whatever_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("deepaq.scoring.hub.fetched", lambda name: asked.append(name) or ROOT)
    for run in (PureWindowsPath("hub:owner/name"), "hub:owner/name"):
        with pytest.raises(UserError):
            load(run)  # type: ignore[arg-type]
    assert asked == ["hub:owner/name", "hub:owner/name"]


def test_libsndfile_gets_names_as_text_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    path = write(tmp_path / "a.wav", music(1))
    monkeypatch.setattr("soundfile.SoundFile", lambda name: asked.append(name))
    for system in ("nt", "posix"):
        with monkeypatch.context() as patch:
            patch.setattr(decode, "os", SimpleNamespace(name=system, fsencode=os.fsencode))
            with suppress(AttributeError):
                decode._opened(path)
    assert asked == [str(path), os.fsencode(path)]


def test_files_on_several_drives_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("reference,degraded\na.wav,b.wav\n")
    monkeypatch.setattr("os.path.commonpath", lambda paths: (_ for _ in ()).throw(ValueError("different drives")))
    with pytest.raises(UserError, match=r"list\.csv: lists files on several drives"):
        originals(listed)


@pytest.mark.parametrize(
    ("system", "line", "arguments"),
    [
        ("nt", r'"C:\Program Files\tee.exe" C:\new\alarm.json', [r"C:\Program Files\tee.exe", r"C:\new\alarm.json"]),
        ("posix", r"tee my\ alarm.json", ["tee", "my alarm.json"]),
    ],
)
def test_a_backslash_is_part_of_a_path_on_windows(
    system: str, line: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarm, "os", SimpleNamespace(name=system))
    assert alarm._arguments(line) == arguments


class Terminal(io.RawIOBase):
    """A console of Windows: takes text, and has a number that leads past it."""

    def __init__(self) -> None:
        self.shown = b""

    def fileno(self) -> int:
        return 1

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.shown += bytes(data)
        return len(data)


def test_a_console_of_windows_is_written_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    stream = io.TextIOWrapper(io.BufferedWriter(terminal), "utf-8")
    monkeypatch.setattr("sys.stdout", stream)
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    stream.flush()
    assert b"REFERENCE" in terminal.shown
