"""The ffmpeg program: find it, run it safely, encode with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from deepaq.errors import UserError
from prep.coding import program
from prep.coding.coding import Coding
from prep.coding.program import Encoded, Program, encoded

VARIABLE = "DEEPAQ_FFMPEG"
# Bit-exact headers: without them the Ogg serial number changes from run to run.
_COMMON = {"ac": "2", "fflags": "+bitexact", "flags:a": "+bitexact", "map_metadata": "-1"}


@cache
def executable() -> str:
    """Find the program named by DEEPAQ_FFMPEG, else the one of the pinned imageio-ffmpeg wheel."""
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
    match = re.match(rb"ffmpeg version (\S+)", output(["-version"]))
    if not match:
        raise UserError(f"{executable()}: is not an ffmpeg")
    return match[1].decode(errors="replace")


@cache
def encoders() -> frozenset[str]:
    """Names of the encoders that the program was built with."""
    return frozenset(re.findall(r"^ [A-Z.]{6} (\S+)", output(["-encoders"]).decode(errors="replace"), re.MULTILINE))


def output(arguments: Sequence[str], timeout: float = 30, stdin: bytes = b"") -> bytes:
    """Run ffmpeg on `arguments` (without the program's name) with `stdin` as its input and return its output.

    timeout: seconds of wall time. Raises UserError if it cannot be started, fails or takes longer.
    """
    command = [executable(), "-hide_banner", "-loglevel", "error", *arguments]
    try:
        result = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise UserError(f"{executable()}: took longer than {timeout:.0f} s") from None
    except OSError as error:
        raise UserError(f"{executable()}: cannot be run ({error.strerror})") from None
    if result.returncode:
        raise UserError(f"{executable()}: {program.last_line(result)}")
    return result.stdout


def run(arguments: list[str], timeout: float) -> str | None:
    """Run ffmpeg on `arguments` (without the program's name); None on success, else the reason in one line."""
    return program.run([executable(), "-nostdin", "-hide_banner", "-loglevel", "error", *arguments], timeout)


def file_url(path: Path) -> str:
    """Write a path so that ffmpeg takes it literally, whatever its characters."""
    return f"file:{path}"


class Ffmpeg(Program):
    """Runs one process for all outputs, so that the clip is decoded once."""

    name = "ffmpeg"

    def version(self) -> str:
        return version()

    def missing(self, encoder: str) -> str | None:
        return None if encoder in encoders() else f"{executable()} has no encoder {encoder}"

    def options(self, encoder: str, kbps: int, sample_rate: int, more: Mapping[str, str]) -> dict[str, str]:
        options = {**_COMMON, "ar": str(sample_rate), **more, "c:a": encoder, "b:a": f"{kbps}k"}
        if "movie_timescale" in options:  # the encoder delay is stored in these units
            options["movie_timescale"] = str(sample_rate)
        return options

    def encode(
        self, clip: Path, codings: Sequence[Coding], folder: Path, timeout: float
    ) -> dict[Coding, Encoded | str]:
        """Encode all codings in one process. A failing encoder stops it and may truncate the other files; each coding
        then gets a process of its own."""
        outputs = {coding: folder / f"{coding.name}{coding.suffix}" for coding in codings}
        if run(arguments(clip, outputs), timeout) is None:
            return {coding: encoded(path) for coding, path in outputs.items()}
        results: dict[Coding, Encoded | str] = {}
        for coding, path in outputs.items():
            path.unlink(missing_ok=True)
            error = run(arguments(clip, {coding: path}), timeout)
            results[coding] = error or encoded(path)
        return results


def arguments(clip: Path, outputs: Mapping[Coding, Path]) -> list[str]:
    """Arguments of ffmpeg for one input and all `outputs`, from a graph of ffmpeg-python."""
    import ffmpeg as graph

    # xerror and explode: a damaged input is an error, not a short output.
    source = graph.input(file_url(clip), protocol_whitelist="file,pipe", err_detect="explode")
    streams = [graph.output(source["a:0"], file_url(path), **dict(coding.options)) for coding, path in outputs.items()]
    compiled: list[str] = graph.compile(graph.merge_outputs(*streams), cmd="ffmpeg")
    return ["-xerror", *compiled[1:]]


PROGRAM = Ffmpeg()
