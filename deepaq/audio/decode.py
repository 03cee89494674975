"""Audio in: read any file into float32 samples, whole or block by block.

Lossless files go through libsndfile, which is strict about damage; everything else goes through PyAV (FFmpeg in
process), which stays in float32 so that decoded peaks above full scale survive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepaq.audio.container import OPENING, check_file, is_plain, missing_bytes, reason
from deepaq.audio.samples import Audio, Samples, check, joined
from deepaq.errors import UserError

if TYPE_CHECKING:
    from av import AudioFrame


def read(path: str | Path) -> Audio:
    """Decode a whole file at its own rate and channel layout.

    Raises UserError naming the file when it is missing, not audio, truncated, empty or holds NaN or Inf.
    """
    return joined(list(blocks(path)))


def blocks(path: str | Path, frames: int = 1 << 18) -> Iterator[Audio]:
    """Decode a file piece by piece, so that long files need little memory.

    Every piece has at least `frames` frames, except the last; there is at least one. Raises UserError like `read`,
    which may be after some pieces when the damage lies deep in the file.
    """
    path = Path(path)
    check_file(path)
    decoder = _lossless_blocks if is_plain(path) else _decoded_blocks
    count = 0
    for audio in _gathered(_unchanging(decoder(path), path), frames):
        check(audio, str(path))
        count += 1
        yield audio
    if not count:
        raise UserError(f"{path}: holds no audio")


def _unchanging(pieces: Iterator[Audio], path: Path) -> Iterator[Audio]:
    """UserError where a stream goes on at another rate or with other channels, as broadcasts may."""
    first = None
    for piece in pieces:
        form = piece.sample_rate, piece.samples.shape[1]
        if form != (first := first or form):
            raise UserError(f"{path}: changes its sample rate or channels on the way; split it there")
        yield piece


def _gathered(pieces: Iterator[Audio], frames: int) -> Iterator[Audio]:
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


def _lossless_blocks(path: Path) -> Iterator[Audio]:
    import soundfile

    if missing := missing_bytes(path):
        raise UserError(f"{path}: is truncated, {missing} bytes of audio are missing")
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            found = 0
            while len(samples := file.read(1 << 18, dtype="float32", always_2d=True)):
                found += len(samples)
                yield Audio(samples, file.samplerate)
            if found != file.frames:
                raise UserError(f"{path}: is truncated, {found} of {file.frames} frames could be read")
    except (soundfile.SoundFileError, OSError) as error:
        raise UserError(f"{path}: cannot be read as audio ({reason(error)})") from None


def _decoded_blocks(path: Path) -> Iterator[Audio]:
    """The first audio stream by PyAV; the encoder delay that the container declares is removed."""
    import av

    try:
        with av.open(f"file:{path}", options=OPENING, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise UserError(f"{path}: holds no audio stream")
            stream = container.streams.audio[0]
            converter = None
            for frame in container.decode(stream):
                if frame.format.name == "fltp":  # what the lossy decoders give
                    yield _to_audio(frame)
                    continue
                frame.pts = None
                converter = converter or av.AudioResampler(format="fltp")
                yield from map(_to_audio, converter.resample(frame))
            if converter:
                yield from map(_to_audio, converter.resample(None))
    except (av.FFmpegError, ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be decoded ({reason(error)})") from None


def _to_audio(block: AudioFrame) -> Audio:
    planes: Samples = block.to_ndarray().astype(np.float32, copy=False)
    return Audio(planes.T, block.sample_rate)
