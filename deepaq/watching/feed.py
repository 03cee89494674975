"""A source read by a thread of its own, and taken from in lengths of time."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, Full, Queue
from threading import Event, Thread
from time import monotonic

from deepaq.audio.samples import Audio, joined
from deepaq.errors import UserError
from deepaq.watching.source import Source

_QUEUED = 50  # blocks of about .1 s that are decoded ahead
_CLOSE_S = 0.2
_SKIP_S = 1.0

Item = Audio | UserError | None


class Feed:
    """Audio of a source, in order, in constant memory.

    A change of the sample rate or of the number of channels begins a new section: nothing is taken across it, until
    `next_section`. say: receives a line when no audio arrives for `stall_s` seconds, and when it arrives again. ended:
    the source is at its end. failure: why it ended early, None if it did not.
    """

    def __init__(self, source: Source, say: Callable[[str], None], stall_s: float) -> None:
        self.name = source.name
        self.ended = False
        self.failure: str | None = None
        self.start_s = 0.0  # time of the next sample, in this source
        self._source, self._say, self._stall_s = source, say, stall_s
        self._queue: Queue[Item] = Queue(_QUEUED)
        self._closed = Event()
        self._held: list[Audio] = []
        self._frames = 0  # that are held
        self._next: Audio | None = None  # first block of the next section
        self._section_s, self._taken = 0.0, 0  # seconds and frames taken from the section
        self._thread = Thread(target=self._decode, daemon=True)  # a read that never returns must not hold up the end

    def __enter__(self) -> Feed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join(_CLOSE_S)

    def peek(self, seconds: float) -> Audio | None:
        """Return the next `seconds`, less before a new section and at the end, None if there is nothing; stay there."""
        while not self._next and not self.ended and self._frames < self._count(seconds):
            self._receive()
        if not self._held:
            return None
        self._held = [joined(self._held)]
        (held,) = self._held
        return Audio(held.samples[: self._count(seconds)], held.sample_rate, held.notes, self.name)

    def read(self, seconds: float) -> Audio | None:
        """Return the same, and move on."""
        found = self.peek(seconds)
        if found is not None:
            whole = found.frames == self._count(seconds)
            rest = self._held[0].samples[found.frames :]
            self._held = [Audio(rest, found.sample_rate, name=self.name)] if len(rest) else []
            self._frames = len(rest)
            self._taken += found.frames
            self._section_s = self._section_s + seconds if whole else self._taken / found.sample_rate
            self.start_s += found.seconds
        return found

    def skip(self, seconds: float) -> None:
        """Leave out `seconds`, or what there is before a new section or the end."""
        while seconds > 0 and self.read(min(seconds, _SKIP_S)) is not None:
            seconds -= _SKIP_S

    def next_section(self) -> str | None:
        """Begin the next section and return what changed; None if there is none."""
        if self._next is None:
            return None
        self._held, self._frames, self._next = [self._next], self._next.frames, None
        self._section_s, self._taken = 0.0, 0
        return f"{self.name}: continues at {_form(self._held[0])} from {self.start_s:.2f} s"

    def _count(self, seconds: float) -> int:
        """Number of frames to the end of the next `seconds`; lengths of a part of a frame do not add up."""
        if not self._held:
            return 1
        return max(1, round((self._section_s + seconds) * self._held[0].sample_rate) - self._taken)

    def _receive(self) -> None:
        match self._waited():
            case None:
                self.ended = True
                self.failure = f"{self.name}: {self._source.ending}" if self._source.ending else None
            case UserError() as error:
                self.ended, self.failure = True, str(error)
            case audio if self._held and _form(audio) != _form(self._held[0]):
                self._next = audio
            case audio:
                self._held.append(audio)
                self._frames += audio.frames

    def _waited(self) -> Item:
        since, stalled = monotonic(), False
        while True:
            try:
                found = self._queue.get(timeout=self._stall_s)
            except Empty:
                if not stalled:
                    self._say(f"{self.name}: no audio for {self._stall_s:g} s, at {self.start_s:.2f} s; waiting")
                stalled = True
                continue
            if stalled:
                again = "audio again" if isinstance(found, Audio) else "ended"
                self._say(f"{self.name}: {again} after {monotonic() - since:.1f} s without any")
            return found

    def _decode(self) -> None:
        """Fill the queue; runs in the thread."""
        try:
            for audio in self._source.blocks():
                if not self._put(audio):
                    return
            self._put(None)
        except UserError as error:
            self._put(error)
        except Exception as error:  # would end the thread in silence and let the reader wait
            self._put(UserError(f"{self.name}: cannot be read ({error!r})"))

    def _put(self, item: Item) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=_CLOSE_S)
            except Full:
                continue
            return True
        return False


def _form(audio: Audio) -> str:
    return f"{audio.sample_rate} Hz with {audio.channels} channel" + "s" * (audio.channels != 1)
