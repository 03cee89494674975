"""The ffmpeg program: which one, which version, and running it safely."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from deepaq.errors import UserError

VARIABLE = "DEEPAQ_FFMPEG"


@cache
def executable() -> str:
    """The program named by DEEPAQ_FFMPEG, else the one of the pinned imageio-ffmpeg wheel."""
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if not found:
            raise UserError(f"{VARIABLE}={named}: no such program; name an ffmpeg or unset it")
        return found
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


@cache
def version() -> str:
    """The program's own version string."""
    output = subprocess.run([executable(), "-version"], capture_output=True, text=True, check=False, timeout=30).stdout
    match = re.match(r"ffmpeg version (\S+)", output)
    if not match:
        raise UserError(f"{executable()}: is not an ffmpeg")
    return match[1]


@cache
def encoders() -> frozenset[str]:
    """Names of the encoders that the program was built with."""
    output = subprocess.run([executable(), "-hide_banner", "-encoders"], capture_output=True, text=True, check=False)
    return frozenset(re.findall(r"^ [A-Z.]{6} (\S+)", output.stdout, re.MULTILINE))


def run(arguments: list[str], timeout: float) -> str | None:
    """Run ffmpeg on `arguments` (without the program's name); None when it succeeded, else why not in one line.

    timeout: seconds of wall time, after which the process is killed.
    """
    command = [executable(), "-nostdin", "-hide_banner", "-loglevel", "error", *arguments]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return f"ffmpeg took longer than {timeout:.0f} s"
    if result.returncode == 0:
        return None
    lines = result.stderr.decode(errors="replace").strip().splitlines()
    return f"ffmpeg ended with {result.returncode}: {lines[-1] if lines else 'no message'}"


def file_url(path: Path) -> str:
    """A path that ffmpeg takes literally, whatever characters it holds."""
    return f"file:{path}"
