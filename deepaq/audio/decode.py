"""Audio in: read any file into float32 samples, whole or block by block, or its header alone.

WAV, AIFF and FLAC go through libsndfile, which is strict about damage; everything else, and what libsndfile cannot
open, goes through PyAV (FFmpeg in process), which stays in float32 so that decoded peaks above full scale survive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from deepaq.audio.container import Kind, check_file, kind_of, reason, undecodable
from deepaq.audio.contents import Contents, contents
from deepaq.audio.ffmpeg import audio_stream, decoded, opened, packets
from deepaq.audio.samples import HIGHEST_CHANNELS, Audio, check, joined
from deepaq.errors import UserError

if TYPE_CHECKING:
    from av import AudioStream
    from av.container import InputContainer
    from soundfile import SoundFile

LARGEST_VARIABLE = "DEEPAQ_LARGEST_SAMPLES"
LARGEST_SAMPLES = 100_000_000  # frames x channels of a file that is read whole: 400 MB, 17 minutes of stereo at 48 kHz
BLOCK = 1 << 18  # frames of a block
_COMPANDED = {"pcm_mulaw", "pcm_alaw"}  # eight bits that encode thirteen
_LOSSLESS_CODECS = {"flac", "alac", "wavpack", "tta", "ape", "tak", "wmalossless", "mlp", "truehd"}
_UNKNOWN_FRAMES = 1 << 62  # libsndfile gives more than this for a FLAC file that does not say how long it is


def read(source: str | Path | IO[bytes]) -> Audio:
    """Decode a whole file, given by its path or open in binary mode, at its own rate and channel layout.

    Raises UserError naming the file when it is missing, not audio, truncated, empty, holds NaN or Inf, or is larger
    than `LARGEST_SAMPLES` frames x channels; the environment variable DEEPAQ_LARGEST_SAMPLES sets another bound.
    """
    largest = _largest()
    parts: list[Audio] = []
    samples = 0
    for block in blocks(source):
        samples += block.samples.size
        if samples > largest:
            raise UserError(
                f"{_name(source)}: is longer than {largest} samples, all channels together, which is too much to "
                f"read at once; cut it, or set {LARGEST_VARIABLE} to a larger number"
            )
        parts.append(block)
    return joined(parts)


def blocks(source: str | Path | IO[bytes] | Contents, frames: int = BLOCK) -> Iterator[Audio]:
    """Decode a file block by block, so that long files need little memory.

    Every block has at least `frames` frames, except the last; there is at least one. The last block's `notes` say what
    was repaired. Raises UserError like `read`, possibly after some blocks when the damage lies deep in the file.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        check_file(path)
        yield from _blocks(path, str(source), kind_of(path), frames)
        return
    held = source if isinstance(source, Contents) else contents(source)
    with held.file() as path:
        yield from _blocks(path, held.name, kind_of(path), frames)


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


def _seconds(container: InputContainer, stream: AudioStream) -> float:
    """Length of a stream, from its packets."""
    ends = [
        float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base)
        for packet in packets(container, stream)
        if packet.size and packet.time_base is not None
    ]
    start = float((stream.start_time or 0) * (stream.time_base or 0))
    return max(ends, default=0.0) - start


def _by_libsndfile(path: Path) -> Header | None:
    """Read the header of a file that FFmpeg refuses, such as AIFF from a pipe; None if libsndfile refuses it too."""
    import soundfile

    try:
        info = soundfile.info(_for_libsndfile(path))
    except (soundfile.SoundFileError, OSError):
        return None
    names = {"ULAW": "pcm_mulaw", "ALAW": "pcm_alaw", "FLOAT": "pcm_f32", "DOUBLE": "pcm_f64"}
    codec = names.get(info.subtype, info.subtype.lower())
    return Header(info.duration, info.samplerate, codec) if 0 < info.frames < _UNKNOWN_FRAMES else None


def _blocks(path: Path, name: str, kind: Kind, frames: int) -> Iterator[Audio]:
    notes: list[str] = []
    held: Audio | None = None
    for audio in _gathered(_decoded(path, name, kind, notes), frames):
        check(audio, name)
        if held is not None:
            yield held
        held = audio
    if held is None:
        raise UserError(f"{name}: holds no audio")
    yield replace(held, notes=tuple(notes))


def _decoded(path: Path, name: str, kind: Kind, notes: list[str]) -> Iterator[Audio]:
    if kind.missing:
        raise UserError(f"{name}: is truncated, {kind.missing} bytes of audio are missing")
    file = _opened(path) if kind.plain else None
    if file is None:
        yield from decoded(path, name, notes)
    else:
        with file:
            yield from _lossless(file, name)
    if not kind.known_length:
        notes.append(f"{name}: its header does not say how long it is; a missing end would not be noticed")


def _opened(path: Path) -> SoundFile | None:
    """The file opened by libsndfile; None when it cannot read it all, which leaves it to FFmpeg."""
    import soundfile

    try:
        file = soundfile.SoundFile(_for_libsndfile(path))
    except (soundfile.SoundFileError, OSError):
        return None
    if 0 < file.frames < _UNKNOWN_FRAMES and file.subtype != "MPEG_LAYER_III":
        return file
    file.close()
    return None


def _for_libsndfile(path: Path) -> str | bytes:
    """A name as libsndfile takes it: text on Windows, bytes elsewhere, which may be no text."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _lossless(file: SoundFile, name: str) -> Iterator[Audio]:
    import soundfile

    if file.channels > HIGHEST_CHANNELS:
        raise UserError(f"{name}: has {file.channels} channels; at most {HIGHEST_CHANNELS} are read")
    try:
        found = 0
        while len(samples := file.read(BLOCK, dtype="float32", always_2d=True)):
            found += len(samples)
            yield Audio(samples, file.samplerate)
        if found != file.frames:
            raise UserError(f"{name}: is truncated, {found} of {file.frames} frames could be read")
    except (soundfile.SoundFileError, OSError) as error:
        raise UserError(f"{name}: cannot be read as audio ({reason(error)})") from None


def _gathered(pieces: Iterator[Audio], frames: int) -> Iterator[Audio]:
    """Join pieces to blocks of at least `frames` frames."""
    waiting: list[Audio] = []
    count = 0
    for piece in pieces:
        waiting.append(piece)
        count += piece.frames
        if count >= frames:
            yield joined(waiting)
            waiting, count = [], 0
    if waiting:
        yield joined(waiting)


def _largest() -> int:
    text = os.environ.get(LARGEST_VARIABLE, "")
    if not text:
        return LARGEST_SAMPLES
    if not text.isdecimal() or int(text) == 0:
        raise UserError(f"{LARGEST_VARIABLE}={text}: give a whole number of samples")
    return int(text)


def _name(source: str | Path | IO[bytes] | Contents) -> str:
    return str(source) if isinstance(source, str | Path) else str(getattr(source, "name", "the open file"))
