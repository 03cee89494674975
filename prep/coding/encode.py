"""Encode one clip into many codings: one process per program where the program can, all outputs at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prep.coding import fdkaac, ffmpeg, lc3
from prep.coding.coding import Coding
from prep.coding.program import Encoded, Program

PROGRAMS: dict[str, Program] = {program.name: program for program in (ffmpeg.PROGRAM, fdkaac.PROGRAM, lc3.PROGRAM)}


def encode(clip: Path, codings: Sequence[Coding], folder: Path, seconds: float) -> dict[Coding, Encoded | str]:
    """Encode the file `clip` into `folder` and return, per coding, the new file or why there is none.

    seconds: the clip's length, which bounds how long a program may take.
    """
    results: dict[Coding, Encoded | str] = {}
    for name in dict.fromkeys(coding.program for coding in codings):
        mine = [coding for coding in codings if coding.program == name]
        results |= PROGRAMS[name].encode(clip, mine, folder, timeout=60 + 20 * seconds)
    return results
