"""Codecs of one's own, described by a TOML file that names their command lines; docs/own-codec.md has examples."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from deepaq.files import file_sha256
from prep.coding import ffmpeg

SUFFIX = ".toml"
BITS = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}  # WAV formats for the programs' input
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_RUNTIME = frozenset({"input", "output", "kbps", "bps", "sample_rate", "channels"})
_KEYS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "suffix": str,
    "bitrates": list,
    "encode": list,
    "decode": list,
    "version": list,
    "bitstream": list,
    "sample_rate": int,
    "channels": int,
    "bits": int,
    "timeout": (int, float),
    "delay": int,
    "constant": bool,
}
_NEEDED = ("name", "suffix", "bitrates", "encode")
_COMMANDS = {"encode": ("input", "output"), "decode": ("input", "output"), "version": (), "bitstream": ("input",)}
_SHOWN = {str: "a text", list: "a list", int: "a whole number", bool: "true or false", (int, float): "a number"}


@dataclass(frozen=True)
class Command:
    """A command line with placeholders. arguments: program and files with absolute paths. files: their SHA-256."""

    arguments: tuple[str, ...]
    files: tuple[tuple[str, str], ...]

    @property
    def shown(self) -> tuple[str, ...]:
        """The arguments with the files' names alone: the same on every machine."""
        names = {path for path, _ in self.files}
        return tuple(Path(argument).name if argument in names else argument for argument in self.arguments)

    def filled(self, values: Mapping[str, object]) -> list[str]:
        """The arguments with their placeholders replaced; `{{` and `}}` are braces."""
        return [_filled(argument, values) for argument in self.arguments]


@dataclass(frozen=True)
class OwnCodec:
    """A codec as its TOML file describes it.

    name: as in condition names. suffix: of the encoded file. kbps: ascending. encode, decode, version, bitstream:
    commands. sample_rate (Hz), channels, bits: of the WAV that is encoded. timeout: seconds per command.
    delay: samples by which the decoded signal is late at `sample_rate`; None to measure it. constant: every file must
    have the bitrate it was asked for.
    """

    name: str
    suffix: str
    kbps: tuple[int, ...]
    encode: Command
    decode: Command | None = None
    version: Command | None = None
    bitstream: Command | None = None
    sample_rate: int = 44_100
    channels: int = 2
    bits: int = 16
    timeout: float | None = None
    delay: int | None = None
    constant: bool = False

    @classmethod
    def read(cls, path: Path) -> OwnCodec:
        """Read and check a TOML file; UserError, one line that names the file and the key, when it cannot be used."""
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; --codecs takes names (see `prep codecs`) and TOML files") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read ({error})") from None
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise UserError(f"{path}: is not valid TOML ({error})") from None
        try:
            return cls(**_checked(table, path.absolute().parent))
        except ValueError as error:
            raise UserError(f"{path}: {error}") from None


def _checked(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The arguments of `OwnCodec`; ValueError for what is wrong."""
    if unknown := table.keys() - _KEYS.keys():
        raise ValueError(f"unknown key {sorted(unknown)[0]!r}; known are {', '.join(_KEYS)}")
    for key in _NEEDED:
        if key not in table:
            raise ValueError(f"lacks {key!r}; needed are {', '.join(_NEEDED)}")
    for key, value in table.items():
        kind = _KEYS[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"{key} = {value!r}: write {_SHOWN[kind]}")
    if not _NAME.fullmatch(table["name"]):
        raise ValueError(f"name = {table['name']!r}: letters, digits, '.', '_' and '-' are allowed")
    if not re.fullmatch(r"(\.[A-Za-z0-9]+)+", table["suffix"]):
        raise ValueError(f'suffix = {table["suffix"]!r}: write a dot and letters, such as ".opus"')
    kbps = table["bitrates"]
    if not kbps or not all(type(value) is int and 1 <= value <= 9999 for value in kbps):
        raise ValueError(f"bitrates = {kbps!r}: write whole kbps from 1 to 9999, such as [32, 64]")
    for key, allowed in (("channels", (1, 2)), ("bits", tuple(BITS)), ("sample_rate", range(8000, 192_001))):
        if key in table and table[key] not in allowed:
            possible = "8000 to 192000" if isinstance(allowed, range) else ", ".join(map(str, allowed))
            raise ValueError(f"{key} = {table[key]}: possible are {possible}")
    if not 0 < table.get("timeout", 1) <= 86_400:
        raise ValueError(f"timeout = {table['timeout']}: write seconds, more than 0 and at most 86400")
    if abs(table.get("delay", 0)) > table.get("sample_rate", 44_100):
        raise ValueError(f"delay = {table['delay']}: at most one second of samples is allowed")
    commands = {key: _command(key, table[key], folder) for key in _COMMANDS if key in table}
    if len(kbps) > 1 and not {"{kbps}", "{bps}"} & set(_placeholders(table["encode"])):
        raise ValueError("encode uses neither {kbps} nor {bps}, so that all bitrates would be the same; add one")
    plain = {key: value for key, value in table.items() if key not in _COMMANDS and key != "bitrates"}
    return {**plain, **commands, "kbps": tuple(sorted(set(kbps)))}


def _command(key: str, arguments: Sequence[Any], folder: Path) -> Command:
    if not arguments or not all(isinstance(argument, str) and "\0" not in argument for argument in arguments):
        raise ValueError(f"{key} = {arguments!r}: write a list of texts: the program and its arguments")
    allowed = _RUNTIME | {"ffmpeg", "python"}
    found = _placeholders(arguments)
    for placeholder in found:
        if placeholder[1:-1] not in allowed:
            raise ValueError(f"{key}: unknown placeholder {placeholder}; known are {', '.join(sorted(allowed))}")
    for name in _COMMANDS[key]:
        if f"{{{name}}}" not in found:
            raise ValueError(f"{key}: lacks the placeholder {{{name}}}")
    fixed = {name: f"{{{name}}}" for name in _RUNTIME} | {"python": sys.executable}
    if "{ffmpeg}" in found:
        fixed["ffmpeg"] = ffmpeg.executable()
    filled = [_PLACEHOLDER.sub(lambda match: fixed[match[1]], argument) for argument in arguments]
    program = filled[0] if {"/", os.sep} & set(filled[0]) else shutil.which(filled[0])
    if program is None:
        raise ValueError(f"{key}: the program {filled[0]} is not installed; install it, or write its path")
    filled[0] = str(folder / program)
    if not Path(filled[0]).is_file():
        raise ValueError(f"{key}: there is no program {filled[0]}; paths are relative to the TOML file")
    files = {filled[0]: file_sha256(Path(filled[0]))}
    for index, argument in enumerate(filled[1:], 1):
        path = folder / argument
        if not _PLACEHOLDER.search(argument) and len(argument) < 256 and path.is_file():
            filled[index] = str(path)
            files[str(path)] = file_sha256(path)
    return Command(tuple(filled), tuple(files.items()))


def _placeholders(arguments: Sequence[str]) -> list[str]:
    return [match[0] for argument in arguments for match in _PLACEHOLDER.finditer(argument.replace("{{", ""))]


def _filled(argument: str, values: Mapping[str, object]) -> str:
    parts = re.split(r"(\{\{|\}\}|\{\w+\})", argument)
    fixed = {"{{": "{", "}}": "}"} | {f"{{{name}}}": str(value) for name, value in values.items()}
    return "".join(fixed.get(part, part) for part in parts)
