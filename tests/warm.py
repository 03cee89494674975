"""Commands that do not load Python and the packages each time: forked from a process that has loaded them.

Each is still a process of its own, with the folder, environment, streams and exit code that a shell would give it.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

from tests.conftest import ROOT

COMMANDS = ("prep", "labels", "training", "manifests", "deepaq")
PACKAGES = (
    "torch",
    "scipy.signal",
    "scipy.stats",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "soundfile",
    "soxr",
    "av",
    "visqol",
)
LOADED = (
    *PACKAGES,
    *(f"{name}.cli" for name in COMMANDS),
    "prep.transcode",
    "labels.rating.stage",
    "labels.raters.visqol.rater",
    "labels.benchmark.stage",
    "training.fit",
    "deepaq.scoring.metric",
)
# The program on the PATH: hands over what the shell gave it, and ends as the command ends.
PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.connect({door!r})
    socket.send_fds(door, [b"x"], [0, 1, 2])
    with door.makefile("rw") as lines:
        print(json.dumps([{name!r}, sys.argv[1:], os.getcwd(), dict(os.environ)]), file=lines, flush=True)
        code = lines.readline()
        lines.read()
sys.exit(int(code or 70))
"""


@contextmanager
def commands(folder: Path, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Give variables like `environment` under which commands and `python -c` or `-m` are forked; `folder` is new."""
    door, programs = folder / "door", folder / "programs"
    programs.mkdir(parents=True)
    for name in (*COMMANDS, "python"):
        (programs / name).write_text(PROGRAM.format(python=sys.executable, door=str(door), name=name))
        (programs / name).chmod(0o755)
    python = shutil.which("python", path=environment["PATH"])
    process = subprocess.Popen(
        [str(python), "-m", "tests.warm", str(door)],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        yield {**environment, "PATH": f"{programs}{os.pathsep}{environment['PATH']}"}
    finally:
        process.terminate()
        process.wait()


def serve(door: Path) -> None:
    """Load everything, then fork for every connection; the fork ends when its command is done."""
    for name in LOADED:
        import_module(name)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(door))
        server.listen()
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                break
            connection.close()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("r") as lines:
        code = _command(streams, *json.loads(lines.readline()))
    threading._shutdown()  # as an interpreter ends: threads, then functions that wait for its end
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    connection.sendall(f"{code}\n".encode())
    os._exit(0)  # the program on the PATH ends; freeing all objects would copy the memory shared with the first process


def _command(streams: list[int], name: str, arguments: list[str], folder: str, environment: dict[str, str]) -> int:
    """Run a command as if in a process of its own and return its exit code."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    tempfile.tempdir = None
    invalidate_caches()
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        if name == "python":
            _python(*arguments)
        else:
            sys.argv = [name, *arguments]
            import_module(f"{name}.cli").main(prog_name=name)
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _python(option: str, text: str, *arguments: str) -> None:
    """Do what `python -c` and `python -m` do."""
    sys.path[0] = ""
    sys.argv = [option, *arguments]
    if option == "-m":
        runpy.run_module(text, run_name="__main__", alter_sys=True)
    else:
        assert option == "-c", f"python {option} is not known here"
        exec(compile(text, "<string>", "exec"), vars(sys.modules["__main__"]))


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
