"""Notes on a pair: one line each on what was found and how it was treated."""

from __future__ import annotations

from collections.abc import Sequence

from deepaq.audio.align import FAR_LAG_S, SILENT_DBFS, Aligned, similarity
from deepaq.audio.stream import Stream
from deepaq.backbones.backbone import Backbone

_LEVEL_DB = 1.0  # smallest difference in level that is noted
_MOVING_DB = 3.0  # smallest range of the level over time that is noted
_WIDTH_DB, _WIDE_DB = 6.0, -40.0  # smallest change of the stereo width that is noted, and least audible width
_QUIET_DBFS = -45.0  # lower than any music is mastered
_LENGTH_S = 0.1
_UNRELATED = 0.02  # normalised correlation below which two sounds may be different recordings


def about_pair(
    reference: Stream,
    degraded: Stream,
    aligned: Aligned,
    level_db: float,
    levels: Sequence[tuple[float, float]],
    matched: bool,
    backbone: Backbone,
) -> list[str]:
    """Return the notes on a pair of streams, which are read to their ends.

    aligned: the beginning of both. level_db: gain of the degraded signal, removed before scoring when `matched`.
    levels: dBFS of reference and degraded, segment by segment.
    """
    return [
        *_recording(reference, degraded, aligned),
        *_level(reference, degraded, level_db, levels, matched, backbone.hears_level),
        *_length(reference, degraded),
        *_image(reference, degraded, backbone.channels == 2),
    ]


def _recording(reference: Stream, degraded: Stream, aligned: Aligned) -> list[str]:
    """A lag, and signs that the wrong files were given."""
    notes = []
    if aligned.lag:
        direction = "late" if aligned.lag > 0 else "early"
        shift = f"{abs(aligned.lag)} samples ({1000 * abs(aligned.lag) / degraded.rate:.1f} ms)"
        notes.append(f"{degraded.name}: was {shift} {direction}, aligned")
    pair = aligned.reference, aligned.degraded
    if similarity(*pair) < _UNRELATED and all(sound.any() for sound in pair):
        far = f"more than {FAR_LAG_S:g} s apart"
        notes.append(f"{degraded.name}: hardly resembles {reference.name}; are they the same recording, and not {far}?")
    if reference.lossy and not degraded.lossy:
        kinds = f"is a coded file and {degraded.name} is not"
        notes.append(f"{reference.name}: {kinds}; is the reference really named first?")
    return notes


def _level(
    reference: Stream,
    degraded: Stream,
    level_db: float,
    levels: Sequence[tuple[float, float]],
    matched: bool,
    heard: bool,
) -> list[str]:
    """Differences in level. heard: True for a network that hears level."""
    if max(theirs for _, theirs in levels) <= SILENT_DBFS:
        return [f"{degraded.name}: is silent where {reference.name} is not"]
    notes = []
    over_time = [theirs - ours for ours, theirs in levels]
    loudest = max(ours for ours, _ in levels)
    if heard and loudest < _QUIET_DBFS:
        kind = f"is quiet, {loudest:.0f} dBFS where it is loudest"
        notes.append(f"{reference.name}: {kind}; what lies below -90 dBFS in it is not heard")
    if abs(level_db) > _LEVEL_DB:
        kind = f"{abs(level_db):.1f} dB {'louder' if level_db > 0 else 'softer'} than its reference"
        notes.append(f"{degraded.name}: is {kind}; that is {'not ' if matched else ''}scored")
    if max(over_time) - min(over_time) > _MOVING_DB:
        moves = f"between {min(over_time):+.1f} and {max(over_time):+.1f} dB of its reference's"
        notes.append(f"{degraded.name}: its level moves {moves}" + ("" if heard else "; that is not scored"))
    return notes


def _length(reference: Stream, degraded: Stream) -> list[str]:
    left_over = _rest(degraded) - _rest(reference)
    if abs(left_over) <= _LENGTH_S:
        return []
    longer = degraded if left_over > 0 else reference
    return [f"{longer.name}: is {abs(left_over):.2f} s longer, the rest was not scored"]


def _image(reference: Stream, degraded: Stream, heard: bool) -> list[str]:
    """A changed stereo width, in what was read of both. heard: True for a network of two channels."""
    theirs, ours = degraded.side_db, reference.side_db
    if theirs is None or ours is None:
        return []
    wider = theirs - ours
    if abs(wider) <= _WIDTH_DB or max(theirs, ours) <= _WIDE_DB:
        return []
    kind = f"{abs(wider):.0f} dB {'wider' if wider > 0 else 'narrower'} than its reference"
    return [f"{degraded.name}: its stereo image is {kind}" + ("" if heard else "; only the channels' mean is scored")]


def _rest(stream: Stream) -> float:
    """Seconds that were left unread."""
    return sum(len(samples) for samples in stream.segments(1 << 18)) / stream.rate
