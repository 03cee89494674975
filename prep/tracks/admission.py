"""Admission of tracks to a data set: each recording once, no lossy and no excluded ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from manifests.split import TEST, TRAIN, VALID
from prep.tracks.exclusion import Exclusion, Line
from prep.tracks.fingerprint import same_recordings
from prep.tracks.track import Track

_SPLITS = (TEST, VALID, TRAIN, None)
DUPLICATE, LOSSY, EXCLUDED = "duplicate", "lossy", "excluded"


@dataclass(frozen=True)
class LeftOut:
    """A track that is not admitted. kind: duplicate, lossy or excluded. line: the track and the reason."""

    kind: str
    line: str


@dataclass(frozen=True)
class Admission:
    """Result. admitted: tracks in their order. left_out: the others. unmatched: exclusion lines that named no track."""

    admitted: list[Track]
    left_out: list[LeftOut]
    unmatched: list[Line]


class _Group(Enum):
    """Groups in which tracks are compared; of two copies, the one in the earlier group is kept."""

    EXCLUDED = "recordings that must stay out"
    CUT_BEFORE = "tracks of this run that the data set holds already"
    EARLIER = "tracks of earlier runs"
    NEW = "tracks of this run that are new"


@dataclass(frozen=True, eq=False)
class _Candidate:
    track: Track
    group: _Group


def admit(
    tracks: Sequence[Track],
    exclusion: Exclusion,
    *,
    excluded: Sequence[Track] = (),
    earlier: Sequence[Track] = (),
    cut_before: Collection[str] = (),
    allow_lossy: bool = False,
) -> Admission:
    """Decide which of `tracks` become references.

    excluded: recordings of the exclusion. earlier: tracks of the data set that are not among `tracks`; copies of them
    are left out. cut_before: track_ids already in the data set. allow_lossy: admit lossy and band-limited tracks too.

    Among several copies, the one that was cut before is kept; else the clean one; else the one whose corpus keeps it
    out of training, so that test material is never trained on; else the longest.
    """
    left_out: list[LeftOut] = []
    fit: list[Track] = []
    stays = dict.fromkeys(cut_before, "; it is already in the data set and stays there")
    matches = exclusion.match(tracks)
    named = {track for found in matches.values() for track in found}
    for track in tracks:
        if track in named:
            line = f"{track.path}: is on an exclusion list{stays.get(track.track_id, '')}"
            left_out.append(LeftOut(EXCLUDED, line))
        elif not allow_lossy and track.track_id not in cut_before and (flaw := track.flaw()):
            left_out.append(LeftOut(LOSSY, f"{track.path}: {flaw}"))
        else:
            fit.append(track)
    groups = {
        _Group.EXCLUDED: excluded,
        _Group.CUT_BEFORE: sorted((track for track in fit if track.track_id in cut_before), key=_rank),
        _Group.EARLIER: earlier,
        _Group.NEW: sorted((track for track in fit if track.track_id not in cut_before), key=_rank),
    }
    candidates = [_Candidate(track, group) for group, members in groups.items() for track in members]
    copies = _copies([candidate.track for candidate in candidates])
    taken: set[int] = set()
    admitted: set[Track] = set()
    for index, candidate in enumerate(candidates):
        track = candidate.track
        original = next((candidates[other] for other in sorted(copies[index]) if other in taken), None)
        if candidate.group in (_Group.EXCLUDED, _Group.EARLIER):
            taken.add(index)
        elif original is None:
            taken.add(index)
            admitted.add(track)
        elif original.group is _Group.EXCLUDED:
            same = f"{track.path}: is the same recording as {original.track.path}, which is excluded"
            left_out.append(LeftOut(EXCLUDED, same + stays.get(track.track_id, "")))
        else:
            line = f"{track.path}: is the same recording as {original.track.path}, taken once"
            left_out.append(LeftOut(DUPLICATE, line))
    unmatched = [line for line, found in matches.items() if not found]
    return Admission([track for track in tracks if track in admitted], left_out, unmatched)


def _rank(track: Track) -> tuple[bool, int, float, str, str]:
    """Sort key: of copies, the first is the one to take."""
    split = _SPLITS.index(track.source.split)
    return track.flaw() is not None, split, -(track.seconds or 0.0), track.track_id, track.path


def _copies(tracks: Sequence[Track]) -> list[set[int]]:
    """Find, for every track, the indices of others with the same file, samples or recording."""
    silent = np.empty(0, np.uint32)
    prints = [silent if track.fingerprint is None else track.fingerprint for track in tracks]
    first: dict[str | None, int] = {}
    # Compare all copies of a file with the first one only, to keep the work linear.
    pairs = [
        (first.setdefault(name, index), index)
        for index, track in enumerate(tracks)
        for name in (track.track_id, track.sound_id)
        if name is not None
    ]
    copies: list[set[int]] = [set() for _ in tracks]
    for one, other in [*pairs, *same_recordings(prints)]:
        if one != other:
            copies[one].add(other)
            copies[other].add(one)
    return copies
