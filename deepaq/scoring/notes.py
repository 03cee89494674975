"""Notes on a pair: one line per finding and its treatment."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from deepaq.audio import level_dbfs
from deepaq.audio.align import FAR_LAG_S, SILENT_DBFS, Aligned, similarity
from deepaq.audio.bandwidth import Bandwidth
from deepaq.audio.decode import BLOCK
from deepaq.audio.drift import Drift
from deepaq.audio.stream import Stream
from deepaq.core.comparator import Comparator
from deepaq.scoring.onsets import RATE, likeness
from deepaq.scoring.segments import Span, louder_channel

_LEVEL_DB = 1.0  # smallest difference in level that is noted
_MOVING_DB = 3.0  # smallest range of the level over time that is noted
_WIDTH_DB, _WIDE_DB = 6.0, -40.0  # smallest change of the stereo width that is noted, and least audible width
_QUIET_DBFS = -45.0  # below the level of any mastered music
_LENGTH_S = 0.1
_NARROW = 0.5  # share of the reference's bandwidth below which it is noted
_OFFSET = 0.005  # smallest DC offset that is noted
_SILENCE_S = 0.5  # shortest time, in all, that is noted when it is not scored or has a sound of its own
_UNRELATED = 0.02  # normalised correlation below which two sounds may be different recordings
_SAME = 0.9  # normalised correlation of the beginnings below which the recordings are compared at all lags
_ALIKE, _MORE_ALIKE = 0.5, 0.1  # least likeness at a lag that is named, and by how much it exceeds that at usual lags


@dataclass
class Pair:
    """Two streams being scored, and the findings so far.

    aligned: the beginning of both. level_db: gain of the degraded signal, removed before scoring when `matched`.
    levels: dBFS of both for every segment with sound in the reference. bandwidth: of both.
    """

    reference: Stream
    degraded: Stream
    aligned: Aligned
    level_db: float
    matched: bool
    backbone: Comparator
    levels: list[tuple[float, float]] = field(default_factory=list)
    _added_s: float = 0.0
    _first_added_s: float = 0.0
    _unjudged_s: float = 0.0
    bandwidth: Bandwidth = field(init=False)
    _drift: Drift = field(init=False)

    def __post_init__(self) -> None:
        self.bandwidth = Bandwidth(self.reference.rate)
        self._drift = Drift(self.reference.rate)

    def add(self, span: Span, scored: bool) -> None:
        """Take note of a segment of both. scored: False if the network cannot embed it."""
        ours, theirs = span.sounding
        seconds = span.new / self.reference.rate
        if ours.any():
            reference, degraded = louder_channel(*span.samples)
            self.levels.append((level_dbfs(reference), max(level_dbfs(degraded), SILENT_DBFS)))
            self._drift.add(span.start_s, reference, degraded)
            same_level = degraded[-span.new :] * np.float32(10 ** (-self.level_db / 20))
            self.bandwidth.add(reference[-span.new :], same_level)
        alone = theirs & ~ours
        if alone.any():
            if not self._added_s:
                self._first_added_s = span.start_s + int(alone.argmax()) / len(alone) * seconds
            self._added_s += float(alone.mean()) * seconds
        if not scored:
            self._unjudged_s += seconds

    def notes(self, scored_s: float) -> list[str]:
        """Return the notes; the streams are read to their ends. scored_s: length of what was scored."""
        common_s = self.degraded.seconds - max(self.aligned.lag, 0) / self.degraded.rate
        silent_s = common_s - scored_s - self._unjudged_s
        return [
            *self._recording(),
            *self._drifts(),
            *self._level(),
            *self._bandwidth(),
            *self._offset(),
            *self._length(),
            *self._silence(silent_s),
            *self._image(),
            *self.reference.notes,
            *self.degraded.notes,
        ]

    def _recording(self) -> list[str]:
        """A lag, and signs that the wrong files were given."""
        notes, ours, theirs, lag = [], self.reference, self.degraded, self.aligned.lag
        if lag:
            shift = f"{abs(lag)} samples ({1000 * abs(lag) / theirs.rate:.1f} ms)"
            notes.append(f"{theirs.name}: was {shift} {'late' if lag > 0 else 'early'}, aligned")
        alike = similarity(self.aligned.reference, self.aligned.degraded)
        if alike < _SAME:
            notes += self._resemblance(alike)
        if ours.lossy and not theirs.lossy:
            kinds = f"is a coded file and {theirs.name} is not"
            notes.append(f"{ours.name}: {kinds}; is the reference really named first?")
        return notes

    def _resemblance(self, alike: float) -> list[str]:
        """A lag beyond those that are aligned, or no resemblance at all. alike: correlation of the beginnings."""
        ours, theirs = self.reference.name, self.degraded.name
        found = likeness(self.reference.again(RATE, 1), self.degraded.again(RATE, 1), FAR_LAG_S)
        if found.far > max(_ALIKE, found.near + _MORE_ALIKE):
            when = f"{abs(found.far_s):.2f} s {'later' if found.far_s > 0 else 'earlier'}"
            searched = f"lags are found up to {FAR_LAG_S:g} s; cut both to the same beginning"
            return [f"{theirs}: resembles {ours} {when} only; {searched}"]
        if alike < _UNRELATED and found.near < _ALIKE and self.aligned.degraded.any():
            far = f"more than {FAR_LAG_S:g} s apart"
            return [f"{theirs}: hardly resembles {ours}; are they the same recording, and not {far}?"]
        return []

    def _drifts(self) -> list[str]:
        """A lag that changes steadily."""
        ppm = self._drift.ppm()
        if ppm is None:
            return []
        kind = f"drifts by {abs(ppm):.0f} ppm, its clock is {'slow' if ppm > 0 else 'fast'}"
        return [f"{self.degraded.name}: {kind}; that is not corrected and lowers the score"]

    def _level(self) -> list[str]:
        name, heard = self.degraded.name, self.backbone.hears_level
        if max(theirs for _, theirs in self.levels) <= SILENT_DBFS:
            return [f"{name}: is silent where {self.reference.name} is not"]
        notes = []
        over_time = [theirs - ours for ours, theirs in self.levels]
        loudest = max(ours for ours, _ in self.levels)
        if heard and loudest < _QUIET_DBFS:
            kind = f"is quiet, {loudest:.0f} dBFS where it is loudest"
            notes.append(f"{self.reference.name}: {kind}; what lies below -90 dBFS in it is not heard")
        if abs(self.level_db) > _LEVEL_DB:
            kind = f"{abs(self.level_db):.1f} dB {'louder' if self.level_db > 0 else 'softer'} than its reference"
            notes.append(f"{name}: is {kind}; that is {'not ' if self.matched else ''}scored")
        if max(over_time) - min(over_time) > _MOVING_DB:
            moves = f"between {min(over_time):+.1f} and {max(over_time):+.1f} dB of its reference's"
            notes.append(f"{name}: its level moves {moves}" + ("" if heard else "; that is not scored"))
        return notes

    def _bandwidth(self) -> list[str]:
        ours, theirs = self.bandwidth.hz() or (0.0, 0.0)
        if not 0 < theirs < _NARROW * ours:  # 0: the reference's content is not there at all, as in silence
            return []
        kind = f"ends at {theirs / 1000:.1f} kHz, that of its reference at {ours / 1000:.1f} kHz"
        return [f"{self.degraded.name}: its bandwidth {kind}"]

    def _offset(self) -> list[str]:
        notes = []
        for stream in (self.reference, self.degraded):
            share = 0.0 if stream.offset is None else float(np.abs(stream.offset).max())
            if share >= _OFFSET:
                notes.append(f"{stream.name}: has a DC offset of {100 * share:.1f} % of full scale, removed")
        return notes

    def _length(self) -> list[str]:
        left_over = _rest(self.degraded) - _rest(self.reference)
        if abs(left_over) <= _LENGTH_S:
            return []
        longer = self.degraded if left_over > 0 else self.reference
        return [f"{longer.name}: is {abs(left_over):.2f} s longer, the rest was not scored"]

    def _silence(self, silent_s: float) -> list[str]:
        """Sound where the reference is silent, and time that was not scored."""
        notes, name = [], self.degraded.name
        if self._added_s >= _SILENCE_S:
            time = f"{self._added_s:.2f} s in all, first at {self._first_added_s:.2f} s"
            notes.append(f"{name}: has sound where its reference is silent, {time}")
        if silent_s >= _SILENCE_S:
            notes.append(f"{name}: {silent_s:.2f} s in which both signals are silent were not scored")
        if self._unjudged_s >= _SILENCE_S:
            why = f"the network {self.backbone.name} needs sound in both halves of a segment of the reference"
            notes.append(f"{name}: {self._unjudged_s:.2f} s were not scored; {why}")
        return notes

    def _image(self) -> list[str]:
        """A changed stereo width."""
        theirs, ours = self.degraded.side_db, self.reference.side_db
        if theirs is None or ours is None:
            return []
        wider = theirs - ours
        if abs(wider) <= _WIDTH_DB or max(theirs, ours) <= _WIDE_DB:
            return []
        kind = f"{abs(wider):.0f} dB {'wider' if wider > 0 else 'narrower'} than its reference"
        heard = self.backbone.channels == 2
        note = f"{self.degraded.name}: its stereo image is {kind}"
        return [note if heard else f"{note}; only the channels' mean is scored"]


def _rest(stream: Stream) -> float:
    """Seconds that were not read."""
    return sum(len(samples) for samples in stream.segments(BLOCK)) / stream.rate
