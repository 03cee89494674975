"""Windows of a stream, scored one after another, with a reference stream or without."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from deepaq.audio.samples import Audio
from deepaq.errors import UserError
from deepaq.scoring.metric import Metric
from deepaq.scoring.references import References
from deepaq.scoring.score import Score
from deepaq.watching.feed import Feed

SHORTEST_S = 1.0  # shortest part of a window that is scored
KEPT_S = 0.02  # lag within a window up to which the streams are not moved


@dataclass(frozen=True)
class Window:
    """A part of a stream. start_s: in the watched stream. lag_s: of that stream behind its reference, in all.

    error: why there is no score.
    """

    number: int
    start_s: float
    seconds: float
    score: Score | None
    lag_s: float | None
    notes: tuple[str, ...]
    error: str | None = None

    @property
    def mos(self) -> float | None:
        """MOS; None without a score."""
        return self.score.mos if self.score else None

    def to_json(self) -> dict[str, Any]:
        """Return the figures of one line."""
        score = self.score
        figures = ("mos", "distance", "added", "missing", "level_db")
        return {
            "window": self.number,
            "start_s": round(self.start_s, 6),
            "seconds": round(self.seconds, 6),
            **{name: getattr(score, name) if score else None for name in figures},
            "lag_s": None if self.lag_s is None else round(self.lag_s, 6),
            "error": self.error,
            "notes": list(self.notes),
        }


class Watch:
    """Scores `degraded` in windows of `window_s`, beside `reference` or against `clean`.

    A lag found in the first window is removed at once; later the lag is measured again in every window, and the
    streams are moved when two windows in a row agree on one of more than 20 ms. say: receives a line for what happens
    to a stream. failure: why the watch ended early, None before the end and after a regular one.
    """

    def __init__(
        self,
        metric: Metric,
        degraded: Feed,
        reference: Feed | None,
        clean: References | None,
        window_s: float,
        say: Callable[[str], None],
    ) -> None:
        self._metric, self._degraded, self._reference, self._clean = metric, degraded, reference, clean
        self._window_s, self._say = window_s, say
        self._feeds = [degraded] if reference is None else [reference, degraded]
        self._lag_s: float | None = None  # within the last window
        self._moved_s = 0.0  # lag that was removed by leaving out audio
        self._number, self._placed = 0, False
        self._scored, self._sum, self._lowest = 0, 0.0, (math.inf, 0.0)
        self.failure: str | None = None

    def skip(self, lag_s: float) -> None:
        """Leave out the beginning of the stream that is late by a known lag."""
        (self._degraded if lag_s > 0 else self._reference or self._degraded).skip(abs(lag_s))
        self._moved_s += lag_s

    def windows(self) -> Iterator[Window]:
        """Yield the windows until a stream ends."""
        while self._ready():
            parts = [part for feed in self._feeds if (part := feed.peek(self._window_s)) is not None]
            short = [_is_short(part, self._window_s) for part in parts]
            seconds = min(part.seconds for part in parts) if any(short) else self._window_s
            window = self._window(parts, seconds)
            if not self._placed and self._apart(window):
                self._placed = True
                self._move(window)
                continue
            self._placed = True
            for feed, part in zip(self._feeds, parts, strict=True):
                feed.read(self._window_s if part.seconds <= seconds else seconds)
            if any(short):
                self._say(f"{self._degraded.name}: the window at {window.start_s:.2f} s ended after {seconds:.2f} s")
            moves = self._apart(window) and self._agrees(window)
            self._lag_s = window.score.lag_s if window.score else None
            self._number += 1
            if window.mos is not None:
                self._scored += 1
                self._sum += window.mos
                self._lowest = min(self._lowest, (window.mos, window.start_s))
            yield window
            if moves:
                self._move(window)

    def summary(self) -> str:
        """Sum up the windows so far."""
        windows = f"{self._number} window" + "s" * (self._number != 1)
        if not self._scored:
            return f"{windows}, none with a MOS"
        lowest, start_s = self._lowest
        return f"{windows}, mean MOS {self._sum / self._scored:.2f}, lowest {lowest:.2f} at {start_s:.2f} s"

    def _ready(self) -> bool:
        """Tell if every stream has audio, after going on to its next section if it must."""
        for feed in self._feeds:
            while feed.peek(SHORTEST_S) is None:
                if change := feed.next_section():
                    self._say(change)
                else:
                    self._end(feed)
                    return False
        return True

    def _end(self, feed: Feed) -> None:
        if feed.failure:
            self.failure = feed.failure
        elif feed is self._reference and _longer(self._degraded.peek(2 * SHORTEST_S)):
            self.failure = f"{feed.name}: ended at {feed.start_s:.2f} s, before {self._degraded.name}"
        elif not self._number and not feed.start_s:
            self.failure = f"{feed.name}: holds no audio"
        if self.failure and not self._number:
            raise UserError(self.failure)

    def _window(self, parts: list[Audio], seconds: float) -> Window:
        start_s = self._degraded.start_s
        notes = tuple(note for part in parts for note in part.notes)
        try:
            if seconds < SHORTEST_S:
                raise UserError(f"{self._degraded.name}: {seconds:.2f} s are too short to be scored")
            found = self._score([_beginning(part, seconds) for part in parts])
        except UserError as error:
            return Window(self._number, start_s, seconds, None, None, notes, str(error))
        lag_s = None if found.lag_s is None else self._moved_s + found.lag_s
        return Window(self._number, start_s, seconds, found, lag_s, notes + found.notes)

    def _score(self, parts: list[Audio]) -> Score:
        if self._clean is not None:
            return self._metric.score(parts[0], references=self._clean)
        return self._metric.score(*parts)

    def _apart(self, window: Window) -> bool:
        """Tell if the lag within a window is large enough to move the streams."""
        return window.score is not None and abs(window.score.lag_s or 0.0) > KEPT_S

    def _agrees(self, window: Window) -> bool:
        assert window.score is not None
        return self._lag_s is not None and abs(self._lag_s - (window.score.lag_s or 0.0)) <= KEPT_S

    def _move(self, window: Window) -> None:
        """Leave out as much of the earlier stream as the window's lag."""
        assert window.score is not None
        lag_s = window.score.lag_s or 0.0
        self._say(f"{self._degraded.name}: is {1000 * (window.lag_s or 0.0):.1f} ms late at {window.start_s:.2f} s")
        self.skip(lag_s)
        self._lag_s = None


def _beginning(part: Audio, seconds: float) -> Audio:
    """The part cut to about `seconds`, without its notes."""
    frames = max(1, round(seconds * part.sample_rate))
    samples = part.samples if frames + 1 >= part.frames else part.samples[:frames]
    return Audio(samples, part.sample_rate, name=part.name)


def _longer(rest: Audio | None) -> bool:
    """Tell if more is left than a coder may add."""
    return rest is not None and rest.seconds > SHORTEST_S


def _is_short(part: Audio, window_s: float) -> bool:
    return part.frames < int(window_s * part.sample_rate)
