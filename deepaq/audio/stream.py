"""Sounds to be scored, from files, arrays and tensors, as one stream at the rate and in the channels of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from deepaq.audio import offset
from deepaq.audio.channels import downmixed, for_network
from deepaq.audio.container import LOSSY
from deepaq.audio.contents import Contents, contents, is_open_file
from deepaq.audio.decode import BLOCK, blocks, probe
from deepaq.audio.samples import Audio, Samples, check, inner
from deepaq.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Sound: TypeAlias = "str | Path | IO[bytes] | Audio | npt.NDArray[np.floating] | Tensor"
LOUDEST = 100.0  # +40 dBFS: larger samples are not scaled to 1


def name_of(sound: Sound | Contents) -> str:
    """Return the name of a sound for messages: its path, or its kind."""
    if isinstance(sound, Contents | Audio):
        return sound.name
    return str(sound) if isinstance(sound, str | Path) else "the array"


def pieces(sound: Sound | Contents, sample_rate: int | None) -> Iterator[Audio]:
    """Yield the sound in blocks. sample_rate: of an array or tensor, in Hz; ignored for files.

    Arrays are floating point of shape (frames,) or (frames, channels), full scale 1.0. Raises UserError for anything
    else.
    """
    if isinstance(sound, str | Path | Contents):
        for audio in blocks(sound):
            _check_scale(audio, name_of(sound))
            yield audio
        return
    audio = sound if isinstance(sound, Audio) else _from_array(sound, sample_rate)
    check(audio, name_of(sound))
    _check_scale(audio, name_of(sound))
    for start in range(0, audio.frames, BLOCK):
        yield replace(audio, samples=audio.samples[start : start + BLOCK], notes=() if start else audio.notes)


def _check_scale(audio: Audio, name: str) -> None:
    """Raise UserError for samples in the range of integers."""
    peak = float(max(audio.samples.max(), -audio.samples.min()))
    if peak > LOUDEST or (peak > 2 and bool((audio.samples == np.rint(audio.samples)).all())):
        raise UserError(f"{name}: reaches {peak:.0f} where full scale is 1; divide 16-bit samples by 32768")


def _from_array(sound: Any, sample_rate: int | None) -> Audio:
    if isinstance(sound, np.ndarray):
        samples = sound
    elif hasattr(sound, "detach"):
        detached = sound.detach().cpu()
        samples = (detached.float() if detached.is_floating_point() else detached).numpy()
    else:
        raise UserError(
            f"a {type(sound).__name__} is not audio; give a path, an open file, an array, a tensor or Audio"
        )
    if not isinstance(sample_rate, int | np.integer | None):
        raise UserError(f"sample_rate={sample_rate!r}: give whole Hz")
    if sample_rate is None:
        raise UserError("the array: its sample rate is unknown, give sample_rate in Hz")
    if not np.issubdtype(samples.dtype, np.floating):
        raise UserError(f"the array: is {samples.dtype}; give floating point within -1 to 1")
    if samples.ndim not in (1, 2):
        raise UserError(f"the array: has shape {samples.shape}; give (frames,) or (frames, channels)")
    if samples.ndim == 2 and not samples.shape[1]:
        raise UserError("the array: has no channels")
    if samples.ndim == 2 and samples.shape[1] > max(8, samples.shape[0]):
        raise UserError(f"the array: has {samples.shape[1]} channels; give (frames, channels), not its transpose")
    return Audio((samples if samples.ndim == 2 else samples[:, None]).astype(np.float32, copy=False), sample_rate)


class Stream:
    """A sound at `rate` Hz, read from front to back in little memory.

    channels: 1 for the mean of the sound's channels, (frames,); 2 for mid and side, (frames, 2). A constant DC offset
    is removed. seconds: length read so far. notes: repairs made by decoding, complete at the end of the sound. offset:
    offset removed from every channel; None before anything was read.
    """

    def __init__(self, sound: Sound | Contents, rate: int, channels: int = 1, sample_rate: int | None = None) -> None:
        self._sound: Sound | Contents = contents(sound) if is_open_file(sound) else sound
        self.name = name_of(self._sound)
        self.rate = rate
        self.seconds = 0.0
        self.notes: list[str] = []
        self.offset: Samples | None = None
        self._power = np.zeros(2)  # power of the channels' mean, and of their difference from it
        self._channels = channels
        self._given_rate = sample_rate
        self._source = _resampled(map(self._mix, pieces(self._sound, sample_rate)), rate, channels)
        self._waiting: Samples = np.empty((0, 2) if channels == 2 else 0, np.float32)

    def _mix(self, audio: Audio) -> tuple[Samples, int]:
        self.notes += audio.notes
        if self.offset is None:
            self.offset = offset.find(np.ascontiguousarray(audio.samples.T)).astype(np.float32)
        samples = downmixed(audio.samples - self.offset if self.offset.any() else audio.samples)
        mixed = for_network(samples, self._channels)
        mid = mid_of(mixed)
        mean = inner(mid, mid)
        self._power += mean, inner(samples, samples) / samples.shape[1] - mean
        return mixed, audio.sample_rate

    def again(self, rate: int | None = None, channels: int | None = None) -> Stream:
        """Return the same sound from its beginning, by default at the same rate and in the same channels."""
        return Stream(self._sound, rate or self.rate, channels or self._channels, self._given_rate)

    @property
    def lossy(self) -> bool:
        """Tell if the sound comes from a lossy file."""
        if not isinstance(self._sound, str | Path) or Path(self._sound).suffix.lower() not in LOSSY:
            return False
        return probe(self._sound).lossy

    @property
    def side_db(self) -> float | None:
        """Power of the channels' difference from their mean relative to that of the mean, in dB, of what was read.

        At least -60; None for silence.
        """
        mean, apart = self._power
        return float(10 * np.log10(max(apart, 1e-6 * mean) / mean)) if mean else None

    def peek(self, frames: int) -> Samples:
        """Return the next `frames` samples, fewer at the end, without moving on."""
        parts = [self._waiting] if len(self._waiting) else []
        count = len(self._waiting)
        while count < frames and (piece := next(self._source, None)) is not None:
            parts.append(piece)
            count += len(piece)
        if parts:
            self._waiting = parts[0] if len(parts) == 1 else end_to_end(parts)
        return self._waiting[:frames]

    def read(self, frames: int) -> Samples:
        """Return the next `frames` samples, fewer at the end, and move on."""
        samples = self.peek(frames)
        self._waiting = self._waiting[len(samples) :]
        self.seconds += len(samples) / self.rate
        return samples

    def segments(self, frames: int) -> Iterator[Samples]:
        """Yield consecutive segments of `frames` samples, the last one shorter."""
        while len(samples := self.read(frames)):
            yield samples


def end_to_end(parts: Sequence[Samples]) -> Samples:
    """Join a `Stream`'s samples, each channel in one piece."""
    joined: Samples = np.concatenate([part.T for part in parts], axis=-1).T
    return joined


def mid_of(samples: Samples) -> Samples:
    """Return the mid signal, (frames,), of a `Stream`'s samples."""
    return samples if samples.ndim == 1 else np.ascontiguousarray(samples[:, 0])


def as_batch(samples: Samples) -> Tensor:
    """(frames,) or (frames, 2) -> (1, frames) or (1, 2, frames)."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(samples.T))[None]


def _resampled(source: Iterator[tuple[Samples, int]], rate: int, channels: int) -> Iterator[Samples]:
    """Resample blocks, given with their rate, to `rate` Hz."""
    import soxr

    converter = None
    for samples, given in source:
        if given == rate:
            yield samples
            continue
        converter = converter or soxr.ResampleStream(given, rate, channels, dtype="float32", quality="HQ")
        yield converter.resample_chunk(np.ascontiguousarray(samples))
    if converter is not None:
        yield converter.resample_chunk(np.empty((0, 2) if channels == 2 else 0, np.float32), last=True)
