"""Audio in: read any file into float32 samples, check it, resample it, mix it down.

Lossless files go through libsndfile, which is strict about damage; everything else goes through PyAV (FFmpeg in
process), which stays in float32 so that decoded peaks above full scale survive.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepaq.errors import UserError

Samples = npt.NDArray[np.float32]

LOSSLESS = frozenset({".wav", ".wave", ".flac", ".aif", ".aiff", ".aifc"})
LOSSY = frozenset({".mp3", ".m4a", ".mp4", ".aac", ".opus", ".ogg", ".oga", ".webm", ".mka", ".ac3", ".eac3", ".wma"})
SUFFIXES = LOSSLESS | LOSSY
LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
SILENCE_DBFS = -70.0

# Containers that hold audio and nothing else: a playlist posing as audio must not open other files or addresses.
_DEMUXERS = "wav,w64,flac,aiff,mp3,mov,mp4,m4a,3gp,3g2,mj2,ogg,matroska,webm,aac,ac3,eac3,asf,caf"


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
    """Decode a whole file.

    Raises UserError naming the file when it is missing, not audio, truncated, empty or holds NaN or Inf.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such file")
    if path.is_dir():
        raise UserError(f"{path}: is a folder, a file is needed")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty")
    audio = _read_lossless(path) if path.suffix.lower() in LOSSLESS else decode(path)
    check(audio, str(path))
    return audio


def check(audio: Audio, name: str) -> None:
    """Raise UserError when `audio` is empty, not finite or at an impossible sample rate."""
    if audio.frames == 0:
        raise UserError(f"{name}: holds no audio")
    if not LOWEST_RATE <= audio.sample_rate <= HIGHEST_RATE:
        raise UserError(f"{name}: sample rate {audio.sample_rate} Hz is outside {LOWEST_RATE}-{HIGHEST_RATE} Hz")
    if not np.isfinite(audio.samples).all():
        raise UserError(f"{name}: holds NaN or infinite samples; export it again")


def _read_lossless(path: Path) -> Audio:
    import soundfile

    try:
        with soundfile.SoundFile(os.fspath(path)) as file:
            expected = file.frames
            samples = file.read(dtype="float32", always_2d=True)
            rate, major = file.samplerate, file.format
    except (soundfile.SoundFileError, OSError) as error:
        raise UserError(f"{path}: cannot be read as audio ({_reason(error)})") from None
    if len(samples) != expected:
        raise UserError(f"{path}: is truncated, {len(samples)} of {expected} frames could be read")
    if major in {"WAV", "WAVEX"} and (missing := _missing_wav_bytes(path)):
        raise UserError(f"{path}: is truncated, {missing} bytes of audio are missing")
    return Audio(samples, rate)


def _missing_wav_bytes(path: Path) -> int:
    """Bytes that the WAV header promises beyond the end of the file (libsndfile accepts such files silently)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return 0
        file.seek(12)
        while len(head := file.read(8)) == 8:
            length = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                # Streaming writers leave these two as "unknown length".
                return 0 if length in {0, 0xFFFFFFFF, 0x7FFFFFFF} else max(0, file.tell() + length - size)
            file.seek(length + length % 2, os.SEEK_CUR)
    return 0


def decode(path: str | Path) -> Audio:
    """Decode the first audio stream of a file by PyAV, at the stream's own rate and channel layout.

    The encoder delay that the container declares is removed. Raises UserError when nothing can be decoded.
    """
    import av

    path = Path(path)
    blocks: list[Samples] = []
    rate = 0
    try:
        options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
        with av.open(f"file:{path}", options=options, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise UserError(f"{path}: holds no audio stream")
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")
            for frame in container.decode(stream):
                frame.pts = None
                for block in resampler.resample(frame):
                    blocks.append(block.to_ndarray().T)
                    rate = block.sample_rate
            for block in resampler.resample(None):
                blocks.append(block.to_ndarray().T)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be decoded ({_reason(error)})") from None
    if not blocks:
        raise UserError(f"{path}: holds no audio that can be decoded")
    if len({block.shape[1] for block in blocks}) != 1:
        raise UserError(f"{path}: changes its number of channels half-way")
    return Audio(np.ascontiguousarray(np.concatenate(blocks), dtype=np.float32), rate)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0].rstrip(".")


def resample(samples: Samples, source_rate: int, target_rate: int) -> Samples:
    """Band-limited resampling (soxr HQ) of (frames,) or (frames, channels) samples; same array if the rates agree."""
    if source_rate == target_rate:
        return samples
    import soxr

    resampled: Samples = soxr.resample(samples, source_rate, target_rate, quality="HQ").astype(np.float32, copy=False)
    return resampled


def to_mono(samples: Samples) -> Samples:
    """(frames, channels) -> (frames,): the mean of the channels."""
    return samples.mean(axis=1, dtype=np.float32) if samples.ndim == 2 else samples


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
        return np.stack([left, right], axis=1) / (1 + 2 * half)
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
