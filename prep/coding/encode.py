"""Encode one clip into many codings: one process per program where the program can, all outputs at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepaq.errors import UserError
from prep.coding.codecs import CODECS
from prep.coding.coding import Coding
from prep.coding.commands import OwnCoding
from prep.coding.program import Encoded, Program


def encode(clip: Path, codings: Sequence[Coding], folder: Path, seconds: float) -> dict[Coding, Encoded | str]:
    """Encode the file `clip` into `folder` and return, per coding, the new file or why there is none.

    seconds: the clip's length, which bounds how long a program may take.
    """
    programs = {coding: _program(coding) for coding in codings}
    results: dict[Coding, Encoded | str] = {}
    for program in dict.fromkeys(programs.values()):
        mine = [coding for coding in codings if programs[coding] == program]
        try:
            with CODECS.attributed(mine[0].codec):
                results |= program.encode(clip, mine, folder, timeout=60 + 20 * seconds)
        except UserError as error:
            results |= dict.fromkeys(mine, str(error))
    return results


def _program(coding: Coding) -> Program:
    if isinstance(coding, OwnCoding) and coding.runner is not None:
        return coding.runner
    return CODECS[coding.codec].program
