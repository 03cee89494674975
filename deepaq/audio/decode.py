"""Audio in: read any file into float32 samples, check it, resample it, mix it down.

Lossless files go through libsndfile, which is strict about damage; everything else goes through PyAV (FFmpeg in
process), which stays in float32 so that decoded peaks above full scale survive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from deepaq.audio.container import OPENING, check_file, is_plain, missing_bytes, reason
from deepaq.errors import UserError

if TYPE_CHECKING:
    from av import AudioFrame

Samples = npt.NDArray[np.float32]

LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
HIGHEST_PEAK = 1e6  # +120 dBFS: beyond it powers lose their meaning, then their range
SILENCE_DBFS = -70.0


@dataclass(frozen=True)
class Audio:
    """Decoded audio.

    samples: float32 of shape (frames, channels), full scale is 1.0 and may be exceeded.
    sample_rate: in Hz.
    """

    samples: Samples
    sample_rate: int

    @property
    def frames(self) -> int:
        return int(self.samples.shape[0])

    @property
    def channels(self) -> int:
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


def read(path: str | Path) -> Audio:
    """Decode a whole file at its own rate and channel layout.

    Raises UserError naming the file when it is missing, not audio, truncated, empty or holds NaN or Inf.
    """
    return _joined(list(blocks(path)))


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
            yield _joined(waiting)
            waiting, count = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Audio]) -> Audio:
    return Audio(np.concatenate([part.samples for part in parts]), parts[0].sample_rate)


def check(audio: Audio, name: str) -> None:
    """Raise UserError when `audio` is empty, not finite or at an impossible sample rate."""
    if audio.frames == 0:
        raise UserError(f"{name}: holds no audio")
    if not LOWEST_RATE <= audio.sample_rate <= HIGHEST_RATE:
        raise UserError(f"{name}: sample rate {audio.sample_rate} Hz is outside {LOWEST_RATE}-{HIGHEST_RATE} Hz")
    if not audio.samples.shape[1]:
        raise UserError(f"{name}: has no channels")
    peak = max(audio.samples.max(), -audio.samples.min())
    if not np.isfinite(peak):
        raise UserError(f"{name}: holds NaN or infinite samples; export it again")
    if peak > HIGHEST_PEAK:
        raise UserError(f"{name}: holds samples of {peak:.0e} where full scale is 1; export it again")


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


def resample(samples: Samples, source_rate: int, target_rate: int) -> Samples:
    """Band-limited resampling (soxr HQ) of (frames,) or (frames, channels) samples; same array if the rates agree."""
    if source_rate == target_rate:
        return samples
    import soxr

    samples = np.ascontiguousarray(samples)
    resampled: Samples = soxr.resample(samples, source_rate, target_rate, quality="HQ").astype(np.float32, copy=False)
    return resampled


def to_mono(samples: Samples) -> Samples:
    """(frames, channels) -> (frames,): the mean of the channels."""
    if samples.ndim != 2:
        return samples
    total = samples[:, 0].astype(np.float32)
    for channel in samples.T[1:]:  # several times as fast as numpy's mean over so short an axis
        total += channel
    total /= samples.shape[1]
    return total


def for_network(samples: Samples, channels: int) -> Samples:
    """What a network of one channel hears, (frames,), the mean; or one of two, (frames, 2), mid and side."""
    return to_mono(samples) if channels == 1 else to_mid_side(samples)


def to_mid_side(samples: Samples) -> Samples:
    """(frames, channels) -> (frames, 2): the channels' mean, and half the difference of left and right.

    Mono has a side of zeros; of more than two channels, left and right are those of `to_stereo`.
    """
    found = np.zeros((2, len(samples)), np.float32)  # each of both lies in one piece
    found[0] = to_mono(samples)
    if samples.shape[1] > 1:
        left, right = to_stereo(samples).T
        np.subtract(left, right, out=found[1])
        found[1] /= 2
    return found.T


def to_stereo(samples: Samples) -> Samples:
    """(frames, channels) -> (frames, 2).

    Mono is duplicated; 5.1 (L R C LFE Ls Rs) is mixed down with the coefficients of ITU-R BS.775-3, table 2, scaled
    so that it cannot clip; of any other layout the first two channels are kept.
    """
    channels = samples.shape[1]
    if channels == 2:
        return samples
    if channels == 1:
        return np.repeat(samples, 2, axis=1)
    if channels == 6:
        half = np.float32(np.sqrt(0.5))
        centre = half * samples[:, 2]
        left = samples[:, 0] + centre + half * samples[:, 4]
        right = samples[:, 1] + centre + half * samples[:, 5]
        mixed: Samples = (np.stack([left, right], axis=1) / (1 + 2 * half)).astype(np.float32, copy=False)
        return mixed
    return np.ascontiguousarray(samples[:, :2])


def fit(samples: Samples, frames: int) -> Samples:
    """Trim or zero-pad the end of (frames, channels) samples to exactly `frames`."""
    if len(samples) >= frames:
        return samples[:frames]
    return np.pad(samples, [(0, frames - len(samples))] + [(0, 0)] * (samples.ndim - 1))


def level_dbfs(samples: Samples) -> float:
    """RMS level in dB relative to full scale, -inf for digital silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0
    return 10 * float(np.log10(power)) if power > 0 else float("-inf")


def is_silent(samples: Samples) -> bool:
    """True when the RMS level is below -70 dBFS."""
    return level_dbfs(samples) < SILENCE_DBFS
