"""Inputs without an end: standard input, pipes, files and whatever FFmpeg opens, decoded as they arrive."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from deepaq.audio.container import OPENING, check_file, kind_of, reason
from deepaq.audio.ffmpeg import audio_stream, opened, packets
from deepaq.audio.samples import HIGHEST_CHANNELS, HIGHEST_RATE, LOWEST_RATE, Audio, Samples, check
from deepaq.errors import UserError
from deepaq.watching.wave import Pipe

if TYPE_CHECKING:
    from av import AudioFrame, AudioResampler
    from av.container import InputContainer

STDIN = "-"
AUTO = "auto"  # FFmpeg finds the format
_BLOCK_S = 0.1
_STEADY = 3  # frames of another form that are a change; fewer are damage
_RAW = re.compile(r"([a-z0-9]+):([0-9]+):([0-9]+)", re.ASCII)
_RAW_FORMATS = ("u8", "s8", *(f"{kind}{end}" for kind in ("s16", "s24", "s32", "f32", "f64") for end in ("le", "be")))


@dataclass
class Source:
    """An input. named: a path, `-` for standard input, or what FFmpeg takes for an address.

    raw: form of samples without a header, FORMAT:RATE:CHANNELS. ffmpeg: name of the FFmpeg format by which `named` is
    opened as it is, `auto` to let FFmpeg find it; None for files and pipes. options: FFmpeg's, for `ffmpeg`. ending:
    after the last block, why the input ended before its time; empty if it did not.
    """

    named: str
    raw: str | None = None
    ffmpeg: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    ending: str = field(default="", init=False)
    _form: tuple[str, str, int] | None = field(default=None, init=False)
    _converter: AudioResampler | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.raw and self.ffmpeg:
            raise UserError(f"{self.name}: is read as raw samples or by FFmpeg; give one of both options")
        if self.raw:
            self._raw_options()

    @property
    def name(self) -> str:
        """Name for messages."""
        return "stdin" if self.named == STDIN and not self.ffmpeg else self.named

    def blocks(self) -> Iterator[Audio]:
        """Decode as the input arrives, in blocks of about .1 s, each of one rate and number of channels.

        Raises UserError if the input cannot be opened, or no longer be read.
        """
        import av

        try:
            with self._opened() as (container, pipe):
                yield from self._gathered(self._frames(container))
                if pipe is not None and (missing := pipe.missing()):
                    self.ending = f"ended {missing} bytes before the end that its header states"
        except (av.FFmpegError, ValueError, OSError) as error:
            raise UserError(f"{self.name}: cannot be decoded ({reason(error)})") from None

    def _raw_options(self) -> tuple[str, dict[str, str]]:
        found = _RAW.fullmatch(self.raw or "")
        if not found or found[1] not in _RAW_FORMATS:
            raise UserError(f"{self.raw}: give FORMAT:RATE:CHANNELS, such as s16le:48000:2; {', '.join(_RAW_FORMATS)}")
        rate, channels = int(found[2]), int(found[3])
        if not LOWEST_RATE <= rate <= HIGHEST_RATE or not 1 <= channels <= HIGHEST_CHANNELS:
            limits = f"{LOWEST_RATE} to {HIGHEST_RATE} Hz and 1 to {HIGHEST_CHANNELS} channels"
            raise UserError(f"{self.raw}: {limits} are read")
        return found[1], {"sample_rate": str(rate), "ch_layout": f"{channels} channels"}

    @contextmanager
    def _opened(self) -> Iterator[tuple[InputContainer, Pipe | None]]:
        if self.ffmpeg:
            kind = None if self.ffmpeg == AUTO else self.ffmpeg
            with opened(self.named, self.options, kind) as container:
                yield container, None
            return
        with self._file() as file:
            pipe = None if _is_regular(file) else Pipe(file, self.name, plain=bool(self.raw))
            options: dict[str, str] = dict(OPENING) | (pipe.options() if pipe else {})
            kind = None
            if self.raw:
                kind, form = self._raw_options()
                options |= form | {"format_whitelist": kind}
            with opened(pipe or file, options, kind) as container:
                yield container, pipe

    @contextmanager
    def _file(self) -> Iterator[IO[bytes]]:
        if self.named == STDIN:
            if sys.stdin is None or sys.stdin.isatty():
                kind = "closed" if sys.stdin is None else "a terminal"
                raise UserError(f"stdin: is {kind}; pipe audio into the command, or name a file")
            with os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0) as file:
                yield file
            return
        path = Path(self.named)
        try:
            regular = not stat.S_ISFIFO(path.stat().st_mode)
        except OSError:
            regular = True
        if regular:
            check_file(path)
            if not self.raw and (missing := kind_of(path).missing):
                self.ending = f"is truncated, {missing} bytes of audio are missing"
        with path.open("rb", buffering=0) as file:
            yield file

    def _frames(self, container: InputContainer) -> Iterator[tuple[AudioFrame, int]]:
        """Yield every frame with the number of damaged packets before it."""
        import av

        stream = audio_stream(container, self.name)
        form: tuple[int, int] | None = None
        odd: list[AudioFrame] = []
        damaged = 0
        for packet in packets(container, stream):
            try:
                decoded: list[Any] = list(packet.decode())
            except av.FFmpegError:
                damaged += 1
                continue
            for frame in decoded:
                this = frame.sample_rate, frame.layout.nb_channels
                if form is not None and this != form:
                    odd = [*(each for each in odd if (each.sample_rate, each.layout.nb_channels) == this), frame]
                    if len(odd) < _STEADY:
                        continue
                    found, odd = odd, []
                else:
                    found, damaged, odd = [frame], damaged + len(odd), []
                form = this
                for each in found:
                    yield each, damaged
                    damaged = 0

    def _gathered(self, frames: Iterator[tuple[AudioFrame, int]]) -> Iterator[Audio]:
        """Join frames of one form to blocks; damage becomes a note."""
        parts: list[Samples] = []
        rate, count, damaged = 0, 0, 0
        for frame, lost in frames:
            samples = self._samples(frame)
            if parts and (rate != frame.sample_rate or parts[0].shape[1] != samples.shape[1]):
                yield self._block(parts, rate, damaged)
                parts, count, damaged = [], 0, 0
            parts.append(samples)
            rate, count, damaged = frame.sample_rate, count + len(samples), damaged + lost
            if count >= _BLOCK_S * rate:
                yield self._block(parts, rate, damaged)
                parts, count, damaged = [], 0, 0
        if parts:
            yield self._block(parts, rate, damaged)

    def _block(self, parts: list[Samples], rate: int, damaged: int) -> Audio:
        notes = (f"{self.name}: {damaged} damaged packets were skipped",) if damaged else ()
        audio = Audio(np.concatenate(parts), rate, notes, self.name)
        check(audio, self.name)
        return audio

    def _samples(self, frame: AudioFrame) -> Samples:
        import av

        if frame.format.name != "fltp":
            form = frame.format.name, frame.layout.name, frame.sample_rate
            if form != self._form:
                self._form, self._converter = form, av.AudioResampler(format="fltp")
            frame.pts = None
            assert self._converter is not None
            (frame,) = self._converter.resample(frame)  # another format has no delay
        return frame.to_ndarray().astype(np.float32, copy=False).T


def _is_regular(file: IO[bytes]) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
