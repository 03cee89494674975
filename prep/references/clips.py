"""Cut a track into clips of CD quality (44.1 kHz stereo), and tell silent ones."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from deepaq.audio import Audio, Samples, audible_channel, fit, one_channel

SAMPLE_RATE = 44_100
SHORTEST_S = 2.0  # shorter tracks or tails give no clip
SILENCE_DBFS, AUDIBLE_S = -60.0, 1.0  # clips with less audible sound are silent


@dataclass(frozen=True)
class Clip:
    """A part of a track: (frames, 2) samples at 44.1 kHz that begin at `start_s` seconds."""

    start_s: float
    samples: Samples


def cut(track: Iterable[Audio], clip_s: float) -> Iterator[Clip]:
    """Cut a stereo track, which comes block by block, into consecutive clips of `clip_s` seconds.

    The last clip may be shorter, down to 2 s. Errors of the source propagate.
    """
    import soxr

    length = round(clip_s * SAMPLE_RATE)
    start = 0
    waiting: list[Samples] = []
    converter = None
    for audio in track:
        samples = audio.samples
        if audio.sample_rate != SAMPLE_RATE:
            converter = converter or soxr.ResampleStream(
                audio.sample_rate, SAMPLE_RATE, 2, dtype="float32", quality="HQ"
            )
            samples = converter.resample_chunk(samples)
        waiting = [np.concatenate([*waiting, samples])]
        while len(waiting[0]) >= length:
            yield Clip(start / SAMPLE_RATE, waiting[0][:length].copy())
            waiting[0] = waiting[0][length:]
            start += length
    if converter is not None:
        waiting.append(converter.resample_chunk(np.empty((0, 2), np.float32), last=True))
    rest = np.concatenate(waiting)
    while len(rest) >= min(length, round(SHORTEST_S * SAMPLE_RATE)):
        yield Clip(start / SAMPLE_RATE, rest[:length].copy())
        start += length
        rest = rest[length:]


def is_silent(samples: Samples) -> bool:
    """Tell if less than one second of the clip is above -60 dBFS, by pydub's silence detection."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydub looks for an ffmpeg that it does not need here
        from pydub import AudioSegment
        from pydub.silence import detect_nonsilent

    mono = np.clip(_mono(samples) * 32767, -32768, 32767).astype("<i2")
    segment = AudioSegment(mono.tobytes(), frame_rate=SAMPLE_RATE, sample_width=2, channels=1)
    audible = detect_nonsilent(segment, min_silence_len=200, silence_thresh=SILENCE_DBFS, seek_step=50)
    return sum(end - begin for begin, end in audible) < 1000 * AUDIBLE_S


def loudness_lufs(samples: Samples) -> float | None:
    """Integrated loudness in LUFS by ITU-R BS.1770-4; None if gating leaves nothing."""
    import pyloudnorm

    value = float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(samples.astype(np.float64)))
    return value if np.isfinite(value) else None


def bandwidth_hz(samples: Samples) -> float:
    """Highest frequency, in Hz, whose 100 Hz band has more than a millionth of the strongest band's power."""
    mono = fit(_mono(samples), max(len(samples), 4096))
    frames = np.lib.stride_tricks.sliding_window_view(mono, 4096)[::4096] * np.hanning(4096).astype(np.float32)
    power = (np.abs(np.fft.rfft(frames, axis=1)) ** 2).mean(axis=0)
    smooth = np.convolve(power, np.ones(9) / 9, mode="same")
    above = np.flatnonzero(smooth > 1e-6 * smooth.max())
    return float(above[-1] * SAMPLE_RATE / 4096) if len(above) else 0.0


def _mono(samples: Samples) -> Samples:
    return one_channel(samples, audible_channel(samples))
