"""What was found out about a pair that its owner should know, one line each."""

from __future__ import annotations

from collections.abc import Sequence

from deepaq.audio.align import FAR_LAG_S, SILENT_DBFS, Aligned, similarity
from deepaq.audio.stream import Stream

_LEVEL_DB = 1.0  # a difference worth a note
_MOVING_DB = 3.0  # by which a level moves when that is worth a note
_WIDTH_DB, _WIDE_DB = 6.0, -40.0  # difference of the channels' difference worth a note, where one is to be heard
_QUIET_DBFS = -45.0  # below what music has
_LENGTH_S = 0.1
_STRANGERS = 0.02  # normalised correlation below which two sounds may be different recordings


def about_the_pair(clean: Stream, coded: Stream, found: Aligned) -> list[str]:
    """A lag, and what looks as if other files had been meant. found: of the beginning of both."""
    notes = []
    if found.lag:
        direction = "late" if found.lag > 0 else "early"
        shift = f"{abs(found.lag)} samples ({1000 * abs(found.lag) / coded.rate:.1f} ms)"
        notes.append(f"{coded.name}: was {shift} {direction}, aligned")
    pair = found.reference, found.degraded
    if similarity(*pair) < _STRANGERS and all(sound.any() for sound in pair):
        far = f"more than {FAR_LAG_S:g} s apart"
        notes.append(f"{coded.name}: hardly resembles {clean.name}; are they the same recording, and not {far}?")
    if clean.lossy and not coded.lossy:
        notes.append(f"{clean.name}: is a coded file and {coded.name} is not; is the reference really named first?")
    return notes


def about_level(
    clean: Stream, coded: Stream, level_db: float, levels: Sequence[tuple[float, float]], matched: bool, heard: bool
) -> list[str]:
    """level_db: the gain. levels: of both signals, segment by segment, in dBFS. matched: whether the gain was taken
    back. heard: whether the network hears level."""
    notes, name = [], coded.name
    over_time = [theirs - ours for ours, theirs in levels]
    if max(theirs for _, theirs in levels) <= SILENT_DBFS:
        return [f"{name}: is silent where {clean.name} is not"]
    loudest = max(ours for ours, _ in levels)
    if heard and loudest < _QUIET_DBFS:
        kind = f"is quiet, {loudest:.0f} dBFS where it is loudest"
        notes.append(f"{clean.name}: {kind}; what lies below -90 dBFS in it is not heard")
    if abs(level_db) > _LEVEL_DB:
        kind = f"{abs(level_db):.1f} dB {'louder' if level_db > 0 else 'softer'} than its reference"
        notes.append(f"{name}: is {kind}; that is {'not ' if matched else ''}scored")
    if max(over_time) - min(over_time) > _MOVING_DB:
        moves = f"between {min(over_time):+.1f} and {max(over_time):+.1f} dB of its reference's"
        notes.append(f"{name}: its level moves {moves}" + ("" if heard else "; that is not scored"))
    return notes


def about_length(clean: Stream, coded: Stream) -> list[str]:
    """Reads both to their end."""
    left_over = _rest(coded) - _rest(clean)
    if abs(left_over) <= _LENGTH_S:
        return []
    longer = coded if left_over > 0 else clean
    return [f"{longer.name}: is {abs(left_over):.2f} s longer, the rest was not scored"]


def about_image(clean: Stream, coded: Stream, heard: bool) -> list[str]:
    """Of what was read of both. heard: whether the network hears two channels."""
    theirs, ours = coded.side_db, clean.side_db
    if theirs is None or ours is None:
        return []
    wider = theirs - ours
    if abs(wider) <= _WIDTH_DB or max(theirs, ours) <= _WIDE_DB:
        return []
    kind = f"{abs(wider):.0f} dB {'wider' if wider > 0 else 'narrower'} than its reference"
    return [f"{coded.name}: its stereo image is {kind}" + ("" if heard else "; only the channels' mean is scored")]


def _rest(stream: Stream) -> float:
    """Seconds that were left unread."""
    return sum(len(samples) for samples in stream.segments(1 << 18)) / stream.rate
