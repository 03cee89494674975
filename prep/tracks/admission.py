"""Which of the tracks become references: each recording once, no lossy ones, none that must stay out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from manifests.split import TEST, TRAIN, VALID
from prep.tracks.exclusion import Exclusion
from prep.tracks.fingerprint import same_recordings
from prep.tracks.track import Track

_SPLITS = (TEST, VALID, TRAIN, None)
DUPLICATE, LOSSY, EXCLUDED = "duplicate", "lossy", "excluded"


def admit(
    tracks: Sequence[Track],
    exclusion: Exclusion,
    excluded: Sequence[Track],
    cut_before: Collection[str] = (),
    earlier: Sequence[Track] = (),
    allow_lossy: bool = False,
    leave_out: Callable[[str, str], None] = lambda kind, line: None,
) -> list[Track]:
    """The tracks that are fit, in their order; of the same recording, only one.

    excluded: recordings of the exclusion. cut_before: ids of tracks already in the data set, which stay. earlier: those
    of them that are not among `tracks`, of which no new copy is taken.
    allow_lossy: take lossy and band-limited tracks too. leave_out: told the kind and the reason of every other one.
    Of one recording that one stays which was cut before; else the clean one; else the one whose corpus keeps it out
    of training, so that no song is trained on that is tested elsewhere; else the longest.
    """
    fit = []
    staying = dict.fromkeys(cut_before, "; it is already in the data set and stays there")
    for track in tracks:
        if exclusion.names(track.song, track.track_id):
            leave_out(EXCLUDED, f"{track.path}: is on an exclusion list{staying.get(track.track_id, '')}")
        elif not allow_lossy and track.track_id not in cut_before and (flaw := track.flaw()):
            leave_out(LOSSY, f"{track.path}: {flaw}")
        else:
            fit.append(track)
    ranked = sorted(fit, key=lambda track: _rank(track, cut_before))
    first_new = sum(track.track_id in cut_before for track in ranked)
    ranked[first_new:first_new] = earlier
    copies = _copies([*excluded, *ranked])
    taken = set(range(len(excluded)))
    kept: set[Track] = set()
    for index, track in enumerate(ranked, len(excluded)):
        original = min(taken & copies.get(index, set()), default=None)
        if original is None or first_new <= index - len(excluded) < first_new + len(earlier):
            taken.add(index)
            kept.add(track)
        elif original < len(excluded):
            same = f"{track.path}: is the same recording as {excluded[original].path}, which is excluded"
            leave_out(EXCLUDED, same + staying.get(track.track_id, ""))
        else:
            leave_out(
                DUPLICATE, f"{track.path}: is the same recording as {ranked[original - len(excluded)].path}, taken once"
            )
    return [track for track in tracks if track in kept]


def _rank(track: Track, cut_before: Collection[str]) -> tuple[bool, bool, int, float, str, str]:
    seconds = -(track.seconds or 0.0)
    split = _SPLITS.index(track.song.split)
    return track.track_id not in cut_before, track.flaw() is not None, split, seconds, track.track_id, track.path


def _copies(tracks: Sequence[Track]) -> dict[int, set[int]]:
    """For every index, the indices of other tracks that are the same file, the same samples or the same recording."""
    copies: dict[int, set[int]] = {}
    silent = np.empty(0, np.uint32)
    prints = [silent if track.fingerprint is None else track.fingerprint for track in tracks]
    first: dict[str | None, int] = {}
    # All copies of a file are held against the first one, which keeps their number linear.
    pairs = [
        (first.setdefault(name, index), index)
        for index, track in enumerate(tracks)
        for name in (track.track_id, track.sound_id)
        if name is not None
    ]
    for one, other in [*pairs, *same_recordings(prints)]:
        if one != other:
            copies.setdefault(one, set()).add(other)
            copies.setdefault(other, set()).add(one)
    return copies
