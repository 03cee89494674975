"""Audio files: kinds by suffix and by first bytes, and the lengths that headers promise."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from deepaq.errors import UserError

LOSSLESS = frozenset(
    {".wav", ".wave", ".rf64", ".bwf", ".w64", ".flac", ".aif", ".aiff", ".aifc", ".au", ".wv", ".tta"}
    | {".ape", ".tak", ".dsf", ".voc", ".sox"}
)
# Suffixes used for both kinds are among the lossy ones; `probe` tells them apart.
LOSSY = frozenset(
    {".mp2", ".mp3", ".m4a", ".m4b", ".m4r", ".mp4", ".mov", ".3gp", ".aac", ".opus", ".ogg", ".oga", ".spx"}
    | {".webm", ".weba", ".mka", ".mkv", ".caf", ".ac3", ".eac3", ".dts", ".wma", ".ts", ".avi", ".flv", ".amr"}
    | {".mpg", ".mpeg", ".vob", ".mpc", ".nut"}
)
SUFFIXES = LOSSLESS | LOSSY

# Only containers of media: a playlist posing as audio must not open other files or addresses.
_DEMUXERS = (
    "wav,w64,flac,aiff,mp3,mov,mp4,m4a,3gp,3g2,mj2,ogg,matroska,webm,aac,ac3,eac3,dts,dtshd,asf,caf"
    ",au,wv,tta,ape,tak,dsf,amr,mpc,mpc8,mpegts,mpeg,avi,flv,nut,voc,sox"
)
OPENING = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}

_HEADERLESS = {".pcm", ".raw", ".s16", ".s16le", ".s24le", ".s32le", ".f32", ".f32le", ".sw"}
_CHUNKED = {b"RIFF": (b"WAVE",), b"RIFX": (b"WAVE",), b"RF64": (b"WAVE",), b"FORM": (b"AIFF", b"AIFC")}
_FLAC, _W64 = b"fLaC", b"riff\x2e\x91\xcf\x11"


def undecodable(path: Path, name: str, error: Exception) -> UserError:
    """Make the error for a file that FFmpeg cannot decode. name: the file in messages. error: FFmpeg's."""
    if path.suffix.lower() in _HEADERLESS:
        why = "raw samples without a header that gives their rate and format; convert it to WAV"
    elif getattr(error, "errno", None) == errno.EINVAL:
        why = "its format is not among those that are read, see docs/limits.md; convert it to WAV or FLAC"
    else:
        why = reason(error)
    return UserError(f"{name}: cannot be decoded ({why})")


def check_file(path: Path) -> None:
    """Raise UserError unless the path is a readable, non-empty file."""
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "a pipe or a device"
        raise UserError(f"{path}: is {kind}, not a file{'' if path.is_dir() else '; write the audio to a file first'}")
    if not os.access(path, os.R_OK):
        raise UserError(f"{path}: cannot be read; check its permissions")
    if size == 0:
        raise UserError(f"{path}: the file is empty")


@dataclass(frozen=True)
class Kind:
    """Kind of a file by its first bytes, whatever the suffix.

    plain: WAV, W64, AIFF or FLAC; the rest is left to FFmpeg, because libsndfile takes random bytes for MPEG audio.
    known_length: False for a WAV or AIFF file whose header leaves the length open, as when written to a pipe.
    missing: bytes of audio that a WAV or AIFF header promises beyond the end of the file, which libsndfile ignores.
    """

    plain: bool
    known_length: bool
    missing: int


def kind_of(path: Path) -> Kind:
    """Read the kind of a file from its first bytes."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[8:] in _CHUNKED.get(head[:4], ()):
            promise = _promise(file, "big" if head[:4] in {b"RIFX", b"FORM"} else "little")
            known = promise is None or not is_unknown_length(promise[1])
            return Kind(True, known, max(0, sum(promise) - path.stat().st_size) if promise and known else 0)
    plain = head[:4] == _FLAC or head[:8] == _W64 or (head[:3] == b"ID3" and path.suffix.lower() == ".flac")
    return Kind(plain, True, 0)


def _promise(file: IO[bytes], order: Literal["big", "little"]) -> tuple[int, int] | None:
    """Offset and length in bytes of the audio, from the chunks of a WAV or AIFF file."""
    wide = None  # the true length in RF64, for which the chunks have too few bits
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[4:], order)
        if head[:4] in {b"data", b"SSND"}:
            return file.tell(), wide if wide is not None and length == 0xFFFFFFFF else length
        if head[:4] == b"ds64":
            wide = int.from_bytes(file.read(16)[8:], order)
            length -= 16
        file.seek(length + length % 2, os.SEEK_CUR)
    return None


def is_unknown_length(length: int) -> bool:
    """Tell if a length is one that programs write for unknown lengths: 0, or about the largest possible.

    SoX writes 0x7F000000 or 0x7FFFF000, rounded down to a whole frame, arecord 0x7FFFFF00, FFmpeg 0xFFFFFFFF.
    """
    return length == 0 or 0x7EFFFF00 <= length <= 0x7FFFFFFF or 0xFFFFF000 <= length <= 0xFFFFFFFF or length >= 1 << 62


def reason(error: Exception) -> str:
    """Format the message of an error as one line without a full stop."""
    text = getattr(error, "strerror", None) or getattr(error, "error_string", None) or str(error).strip()
    return (text or type(error).__name__).splitlines()[0].rstrip(".")
