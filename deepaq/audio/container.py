"""Audio files: kinds by suffix, headers without decoding, and the lengths that headers promise."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from deepaq.errors import UserError

if TYPE_CHECKING:
    from av import AudioStream, Packet
    from av.container import InputContainer

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
_COMPANDED = {"pcm_mulaw", "pcm_alaw"}  # eight bits that encode thirteen
_LOSSLESS_CODECS = {"flac", "alac", "wavpack", "tta", "ape", "tak", "wmalossless", "mlp", "truehd"}
_CHUNKED = {b"RIFF": (b"WAVE",), b"RIFX": (b"WAVE",), b"RF64": (b"WAVE",), b"FORM": (b"AIFF", b"AIFC")}
_FLAC, _W64 = b"fLaC", b"riff\x2e\x91\xcf\x11"


@dataclass(frozen=True)
class Header:
    """Header of an audio file. seconds: may be an estimate. sample_rate: in Hz. codec: FFmpeg's name for it."""

    seconds: float
    sample_rate: int
    codec: str

    @property
    def lossy(self) -> bool:
        """Tell if the codec is lossy."""
        pcm = self.codec.startswith("pcm_") and self.codec not in _COMPANDED
        return not pcm and self.codec not in _LOSSLESS_CODECS and not self.codec.startswith("dsd_")


def probe(path: str | Path) -> Header:
    """Read a file's header without decoding it; raises UserError like `deepaq.audio.read`.

    A file whose header lacks the length, such as one written to a pipe, is read through once.
    """
    import av

    path = Path(path)
    check_file(path)
    try:
        with opened(path) as container:
            stream = audio_stream(container, str(path))
            codec = stream.codec_context.name
            if not kind_of(path).known_length:
                return Header(_seconds(container, stream), stream.rate, codec)
            if stream.duration is not None and stream.time_base is not None:
                return Header(float(stream.duration * stream.time_base), stream.rate, codec)
            if container.duration is not None:
                return Header(container.duration / av.time_base, stream.rate, codec)
            return Header(_seconds(container, stream), stream.rate, codec)
    except (av.FFmpegError, ValueError, OSError) as error:
        if kind_of(path).plain and (header := _by_libsndfile(path)):
            return header
        raise undecodable(path, str(path), error) from None


def opened(source: Any, options: Mapping[str, str] = OPENING, kind: str | None = None) -> InputContainer:
    """Open a Path, bytes that can be read, or an address as FFmpeg takes it. kind: FFmpeg's format; found if None.

    Tags of any encoding are accepted, which PyAV from 19 on does unasked.
    """
    import av

    named = f"file:{source}" if isinstance(source, Path) else source
    ignoring: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}
    return av.open(named, "r", format=kind, options=dict(options), **ignoring)


def undecodable(path: Path, name: str, error: Exception) -> UserError:
    """Make the error for a file that FFmpeg cannot decode. name: the file in messages. error: FFmpeg's."""
    if path.suffix.lower() in _HEADERLESS:
        why = "raw samples without a header that gives their rate and format; convert it to WAV"
    elif getattr(error, "errno", None) == errno.EINVAL:
        why = "its format is not among those that are read, see docs/limits.md; convert it to WAV or FLAC"
    else:
        why = reason(error)
    return UserError(f"{name}: cannot be decoded ({why})")


def _by_libsndfile(path: Path) -> Header | None:
    """Read the header of a file that FFmpeg refuses, such as AIFF from a pipe; None if libsndfile refuses it too."""
    import soundfile

    try:
        info = soundfile.info(os.fsencode(path))
    except (soundfile.SoundFileError, OSError):
        return None
    codec = {"ULAW": "pcm_mulaw", "ALAW": "pcm_alaw"}.get(info.subtype, info.subtype.lower())
    return Header(info.duration, info.samplerate, codec) if 0 < info.frames < 1 << 62 else None


def audio_stream(container: InputContainer, name: str) -> AudioStream:
    """Return the first audio stream; raises UserError, naming the file, if none can be decoded."""
    if not container.streams.audio:
        raise UserError(f"{name}: holds no audio stream")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise UserError(f"{name}: holds audio of an unknown codec; convert it to FLAC or WAV")
    return stream


def packets(container: InputContainer, stream: AudioStream) -> Iterator[Packet]:
    """Yield the packets of a stream, at the end an empty one; packets of streams that start late are left out."""
    while True:
        try:
            yield from container.demux(stream)
            return
        except IndexError:  # PyAV's, for the packet of a stream that was unknown when the file was opened
            continue


def _seconds(container: InputContainer, stream: AudioStream) -> float:
    """Length of a stream, from its packets."""
    ends = [
        float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base)
        for packet in packets(container, stream)
        if packet.size and packet.time_base is not None
    ]
    start = float((stream.start_time or 0) * (stream.time_base or 0))
    return max(ends, default=0.0) - start


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
