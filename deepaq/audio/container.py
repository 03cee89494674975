"""Files and what they say about themselves: kinds by suffix and first bytes, headers, promises that are not kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deepaq.errors import UserError

LOSSLESS = frozenset({".wav", ".wave", ".w64", ".flac", ".aif", ".aiff", ".aifc", ".au", ".wv", ".tta"})
# Those that may hold either are among them; `probe` tells.
LOSSY = frozenset(
    {".mp2", ".mp3", ".m4a", ".mp4", ".mov", ".3gp", ".aac", ".opus", ".ogg", ".oga", ".webm", ".mka", ".mkv", ".caf"}
    | {".ac3", ".eac3", ".wma", ".ts", ".avi"}
)
SUFFIXES = LOSSLESS | LOSSY

# Containers that hold audio and nothing else: a playlist posing as audio must not open other files or addresses.
_DEMUXERS = "wav,w64,flac,aiff,mp3,mov,mp4,m4a,3gp,3g2,mj2,ogg,matroska,webm,aac,ac3,eac3,asf,caf"
_DEMUXERS += ",au,wv,tta,mpegts,avi"
_COMPANDED = {"pcm_mulaw", "pcm_alaw"}  # eight bits that stand for thirteen
_LOSSLESS_CODECS = {"flac", "alac", "wavpack", "tta", "ape"}
_PLAIN = {b"RIFF", b"RIFX", b"RF64", b"FORM", b"fLaC"}  # WAV, AIFF, FLAC
OPENING = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}


@dataclass(frozen=True)
class Header:
    """What a file says about itself. seconds: may be an estimate. sample_rate: in Hz. codec: FFmpeg's name for it."""

    seconds: float
    sample_rate: int
    codec: str

    @property
    def lossy(self) -> bool:
        """True when decoding does not give back what was encoded."""
        pcm = self.codec.startswith("pcm_") and self.codec not in _COMPANDED
        return not pcm and self.codec not in _LOSSLESS_CODECS


def probe(path: str | Path) -> Header:
    """A file's header, without decoding it; UserError like `read`."""
    import av

    path = Path(path)
    check_file(path)
    try:
        with av.open(f"file:{path}", options=OPENING, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise UserError(f"{path}: holds no audio stream")
            stream = container.streams.audio[0]
            codec = stream.codec_context.name
            if stream.duration is not None and stream.time_base is not None:
                return Header(float(stream.duration * stream.time_base), stream.rate, codec)
            if container.duration is not None:
                return Header(container.duration / av.time_base, stream.rate, codec)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be decoded ({reason(error)})") from None
    raise UserError(f"{path}: does not say how long it is")


def is_plain(path: Path) -> bool:
    """Whether libsndfile is to read the file: told by its first bytes, whatever its suffix says.

    libsndfile takes random bytes for MPEG audio, so that everything else is for FFmpeg to judge.
    """
    with path.open("rb") as file:
        head = file.read(4)
    return head in _PLAIN or (head[:3] == b"ID3" and path.suffix.lower() == ".flac")


def check_file(path: Path) -> None:
    """UserError unless the path is a file that may be read and has content."""
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None
    if not path.is_file():
        raise UserError(f"{path}: is not a file")
    if not os.access(path, os.R_OK):
        raise UserError(f"{path}: may not be read; check its permissions")
    if size == 0:
        raise UserError(f"{path}: the file is empty")


def missing_bytes(path: Path) -> int:
    """Bytes that a WAV or AIFF header promises beyond the end of the file (libsndfile accepts such files silently)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        kind = file.read(12)[:4]
        if kind not in _PLAIN or kind == b"fLaC":
            return 0
        order: Literal["big", "little"] = "big" if kind in {b"RIFX", b"FORM"} else "little"
        wide = None  # the true length in RF64, whose chunks hold too few bits for it
        while len(head := file.read(8)) == 8:
            length = int.from_bytes(head[4:], order)
            if head[:4] in {b"data", b"SSND"}:
                length = wide if wide is not None and length == 0xFFFFFFFF else length
                # Streaming writers leave these two as "unknown length".
                return 0 if length in {0, 0xFFFFFFFF, 0x7FFFFFFF} else max(0, file.tell() + length - size)
            if head[:4] == b"ds64":
                wide = int.from_bytes(file.read(16)[8:], order)
                length -= 16
            file.seek(length + length % 2, os.SEEK_CUR)
    return 0


def reason(error: Exception) -> str:
    """What an error says, in one line without a full stop."""
    text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
