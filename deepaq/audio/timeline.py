"""Positions of decoded frames in time: finds gaps in a stream's time stamps, to be filled with silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepaq.errors import UserError

if TYPE_CHECKING:
    from av import AudioFrame

_SHORTEST_S, _JITTER_S = 0.002, 0.010  # shorter gaps are ignored; stamps of long frames may be off by this much
_BACK_S = 0.5  # stamps further back restart the clock
_FORWARD_S = 10.0  # stamps this far ahead restart it too, in formats that allow it (FFmpeg's threshold)
_LARGEST_S = 3600.0  # largest total of inserted silence; beyond it the time stamps are wrong


class Timeline:
    """Compares the time stamps of frames with the samples so far.

    name: for messages. restarts: the format allows time stamps to restart, as in joined broadcasts. gaps: position and
    length in seconds of those between undamaged packets. filled_s: seconds of silence for all gaps.
    """

    def __init__(self, name: str, restarts: bool) -> None:
        self._name, self._restarts = name, restarts
        self._rate = 0
        self._samples = 0  # samples so far, silence included
        self._start: float | None = None  # time stamp of the first sample, in seconds
        self._before = 0.0  # lead of the last frame's stamp
        self.gaps: list[tuple[float, float]] = []
        self.filled_s = 0.0

    @property
    def seconds(self) -> float:
        """Length of the audio so far."""
        return self._samples / self._rate if self._rate else 0.0

    def place(self, frame: AudioFrame, following: AudioFrame | None, damaged: bool) -> int:
        """Number of silent samples before `frame`, by its time stamp and that of the next frame.

        damaged: packets were skipped before it. A gap counts only if both stamps show it, because single stamps of
        Vorbis are off. A slowly drifting clock leaves no gaps.
        """
        self._rate = self._rate or frame.sample_rate
        ahead = self._ahead(frame, self.seconds)
        if ahead is None or self._start is None:
            return self.fill(frame, 0)
        after = None if following is None else self._ahead(following, self.seconds + frame.samples / self._rate)
        gap = ahead if after is None else min(ahead, after, key=abs)
        tick = float(frame.time_base or 0)
        length = frame.samples / self._rate
        least = max(_SHORTEST_S, min(length / 2, _JITTER_S), 0 if damaged else 1.5 * tick)
        if gap < -_BACK_S or (self._restarts and gap > _FORWARD_S):
            self._start += gap
            self._before = 0.0
            return self.fill(frame, 0)
        if min(gap, ahead - self._before) <= least:
            self._before = ahead
            return self.fill(frame, 0)
        whole = round(gap / length) * length
        if abs(gap - whole) <= 1.5 * tick:  # stamps are rounded, but only whole packets can be missing
            gap = whole
        if not damaged:
            self.gaps.append((self.seconds, gap))
        self._before = 0.0
        return self.fill(frame, round(gap * self._rate))

    def fill(self, frame: AudioFrame, silence: int) -> int:
        """Count `frame` and `silence` samples before it; returns `silence`."""
        self._rate = self._rate or frame.sample_rate
        self.filled_s += silence / self._rate
        if self.filled_s > _LARGEST_S:
            raise UserError(f"{self._name}: its time stamps leave gaps of more than an hour; remux the file")
        if self._start is None and frame.pts is not None and frame.time_base is not None:
            self._start = float(frame.pts * frame.time_base) - self.seconds
        self._samples += silence + frame.samples
        return silence

    def _ahead(self, frame: AudioFrame, at: float) -> float | None:
        """Seconds from the time `at` to the stamp of a frame; None without a stamp."""
        if frame.pts is None or frame.time_base is None or self._start is None:
            return None
        return float(frame.pts * frame.time_base) - self._start - at
