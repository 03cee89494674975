"""Decoding through PyAV (FFmpeg in process): skips damaged packets, fills gaps in time with silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepaq.audio.container import OPENING, undecodable
from deepaq.audio.samples import Audio, Samples
from deepaq.audio.timeline import Timeline
from deepaq.errors import UserError

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer

_BLOCK = 1 << 18
_RESTARTING = 0x0200  # FFmpeg's AVFMT_TS_DISCONT: time stamps may restart within a file
_MOST_ODD = 8  # frames of another rate or channel count that count as damage
_TAGS = (b"ID3", b"TAG", b"APETAGEX")  # tags of joined files: no audio
# Formats without time stamps: FFmpeg counts packets, so unreadable bytes between them take no time.
_UNSTAMPED = {"mp3", "aac", "ac3", "eac3", "dts", "dtshd"}


def decoded(path: Path, name: str, notes: list[str]) -> Iterator[Audio]:
    """Decode the first audio stream of a file, without the encoder delay declared by the container.

    name: for messages. notes: receives a line about damaged packets and one about gaps after the last block. Raises
    UserError if nothing, or less than half, can be decoded.
    """
    import av

    try:
        with opened(path) as container:
            decoder = _Decoder(container, path, name)
            converter = None
            for silence, frame in decoder.placed():
                yield from _silent(silence, frame)
                if frame.format.name == "fltp":  # sample format of the lossy decoders
                    yield _to_audio(frame)
                    continue
                frame.pts = None
                converter = converter or av.AudioResampler(format="fltp")
                yield from map(_to_audio, converter.resample(frame))
            if converter:
                yield from map(_to_audio, converter.resample(None))
            notes += decoder.notes()
    except (av.FFmpegError, ValueError, OSError) as error:
        raise undecodable(path, name, error) from None


def opened(source: Any, options: Mapping[str, str] = OPENING, kind: str | None = None) -> InputContainer:
    """Open a Path, bytes that can be read, or an address as FFmpeg takes it. kind: FFmpeg's format; found if None.

    Tags of any encoding are accepted, which PyAV from 19 on does unasked.
    """
    import av

    named = f"file:{source}" if isinstance(source, Path) else source
    ignoring: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}
    return av.open(named, "r", format=kind, options=dict(options), **ignoring)


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


class _Decoder:
    """One pass over the packets of a stream."""

    def __init__(self, container: InputContainer, path: Path, name: str) -> None:
        self._container, self._path, self._name = container, path, name
        self._stream = audio_stream(container, name)
        self._unstamped = container.format.name in _UNSTAMPED
        restarts = bool(container.format.flags & _RESTARTING)
        self._timeline = Timeline(name, restarts=restarts)
        self._damaged: list[float] = []  # positions of skipped packets, in seconds
        self._good, self._bytes, self._last = 0, 0, 0  # number of packets, bytes in all and in the last one
        self._form: tuple[int, int] | None = None  # sample rate and channels
        self._odd = 0  # consecutive frames of another form
        self._held_s = 0.0  # length of the frame held back until the next one
        self._lost: float = 0  # lost packets since the last frame, by their bytes
        self._swallowed: float | None = None  # bytes outside packets, per damaged packet

    def placed(self) -> Iterator[tuple[int, AudioFrame]]:
        """Yield every frame with the number of silent samples to insert before it."""
        held: AudioFrame | None = None
        lost: float = 0
        for frame in self._frames():
            if held is not None:
                yield self._silence(held, frame, lost), held
            held, lost, self._lost = frame, self._lost, 0
            self._held_s = frame.samples / frame.sample_rate
        if held is not None:
            yield self._silence(held, None, lost), held
        if len(self._damaged) > self._good:
            raise UserError(
                f"{self._name}: cannot be decoded ({len(self._damaged)} of {len(self._damaged) + self._good} packets "
                "are damaged)"
            )

    def notes(self) -> list[str]:
        """Lines about damaged packets and about gaps, if any."""
        lines = []
        if self._damaged:
            count = "1 damaged packet" if len(self._damaged) == 1 else f"{len(self._damaged)} damaged packets"
            filled_s = self._timeline.filled_s
            filled = f", {filled_s:.2f} s of silence filled in" if filled_s else ""
            lines.append(f"{self._name}: {count} skipped at {_places(self._damaged)}{filled}")
        if gaps := self._timeline.gaps:
            count = "a gap" if len(gaps) == 1 else f"{len(gaps)} gaps"
            total, places = sum(length for _, length in gaps), _places([start for start, _ in gaps])
            lines.append(
                f"{self._name}: its time stamps leave {count}, {total:.2f} s in all, at {places}; filled with silence"
            )
        return lines

    def _silence(self, frame: AudioFrame, following: AudioFrame | None, lost: float) -> int:
        if self._unstamped:
            return self._timeline.fill(frame, max(1, round(lost)) * frame.samples if lost else 0)
        return self._timeline.place(frame, following, damaged=lost > 0)

    def _frames(self) -> Iterator[AudioFrame]:
        import av

        for packet in packets(self._container, self._stream):
            try:
                frames: list[Any] = list(packet.decode())
            except av.FFmpegError:
                self._skip(packet)
                continue
            if frames and not self._usual(frames[0]):
                self._skip(packet)
                continue
            if packet.size:
                self._good += 1
                self._bytes += packet.size
                self._last = packet.size
            yield from frames

    def _usual(self, frame: AudioFrame) -> bool:
        """Return False for a frame of another form than the first; single ones are damaged headers."""
        form = frame.sample_rate, frame.layout.nb_channels
        self._form = self._form or form
        self._odd = 0 if form == self._form else self._odd + 1
        if self._odd > _MOST_ODD:
            raise UserError(f"{self._name}: changes its sample rate or channels in the middle; split it there")
        return self._odd == 0

    def _skip(self, packet: Packet) -> None:
        self._damaged.append(self._timeline.seconds + self._held_s)
        if not self._good or bytes(packet).startswith(_TAGS):
            return
        usual = self._bytes / self._good
        size: float = packet.size
        if self._container.format.name == "aac":
            if self._swallowed is None:
                self._swallowed = _swallowed(self._path)
            size += self._swallowed if self._swallowed > 2 * usual else 0
        if not self._lost:  # a truncated packet was decoded, but the rest of its bytes are in this one
            size -= max(0, usual - self._last)
        self._lost += size / usual


def _swallowed(path: Path) -> float:
    """Bytes of an ADTS file outside packets, per packet that cannot be decoded."""
    import av

    damaged, end = 0, 0
    with opened(path) as container:
        for packet in packets(container, container.streams.audio[0]):
            if packet.size and packet.pos is not None:
                end = packet.pos + packet.size
            try:
                packet.decode()
            except av.FFmpegError:
                damaged += 1
    return (path.stat().st_size - end) / max(1, damaged)


def _silent(frames: int, like: AudioFrame) -> Iterator[Audio]:
    channels = like.layout.nb_channels
    for start in range(0, frames, _BLOCK):
        yield Audio(np.zeros((min(_BLOCK, frames - start), channels), np.float32), like.sample_rate)


def _to_audio(block: AudioFrame) -> Audio:
    planes: Samples = block.to_ndarray().astype(np.float32, copy=False)
    return Audio(planes.T, block.sample_rate)


def _places(seconds: list[float]) -> str:
    places = sorted({f"{place:.2f}" for place in seconds}, key=float)
    return f"{', '.join(places[:3])} s" + (" and later" if len(places) > 3 else "")
