"""From what the user named to the tracks of this run: found, surveyed, admitted, chosen, shared out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from deepaq.console import note
from deepaq.errors import UserError
from manifests import ids, jobs
from manifests.dataset import Dataset
from prep.settings import Settings
from prep.tracks import fingerprint
from prep.tracks.admission import LOSSY, admit
from prep.tracks.corpora import Song
from prep.tracks.exclusion import Exclusion
from prep.tracks.sources import find_songs
from prep.tracks.survey import Survey, known, source_id, tracks_of
from prep.tracks.track import Track

_LINES = 20  # of one kind that are printed one by one

Look = Callable[[Sequence[Song]], dict[Song, Track]]


def intake(
    music: Sequence[Path], dataset: Dataset | None, settings: Settings, look: Look
) -> tuple[list[Track], Counter[str]]:
    """The tracks of this run and how many others were left out, by kind.

    look: gives the track of every song. UserError when the user named nothing that can be used.
    """
    exclusion = Exclusion.read(settings.exclude)
    songs = find_songs(music, settings.corpus)
    found = look(list(dict.fromkeys([*songs, *exclusion.songs])))
    left_out: Counter[str] = Counter()

    def leave_out(kind: str, line: str) -> None:
        left_out[kind] += 1
        if left_out[kind] <= _LINES:
            note(line)

    for song in exclusion.songs:
        if error := found[song].error:
            raise UserError(f"{error}; it cannot be excluded: mend it, or write its name into a list (.txt)")
    splits = {} if dataset is None else _splits(dataset)
    earlier = tracks_of(dataset, splits.keys() - {found[song].track_id for song in songs}) if dataset else []
    found = _retagged(found, earlier, splits)
    here = {found[song].track_id for song in songs}
    earlier = [track for track in earlier if track.track_id not in here]
    tracks = admit(
        [found[song] for song in songs], exclusion, [found[song] for song in exclusion.songs],
        splits, earlier, settings.allow_lossy, leave_out,
    )  # fmt: skip
    for kind, count in left_out.items():
        if count > _LINES:
            note(f"... and {count - _LINES} more {kind} ones")
    if left_out[LOSSY]:
        note(f"{left_out[LOSSY]} lossy or band-limited songs are left out; --allow-lossy takes them too")
    if not tracks:
        raise UserError(f"none of the {len(songs)} songs is fit; {_counted(left_out)} were left out")
    # As it was cut first, whatever is asked for now.
    tracks = [track.kept_in(splits.get(track.track_id)) for track in tracks]
    index, count = settings.shard
    chosen = [track for track in _within_hours(tracks, settings) if jobs.shard_of(track.track_id, count) == index]
    return chosen, left_out


def surveyed(dataset: Dataset, songs: Sequence[Song], settings: Settings, spent: jobs.Counts) -> dict[Song, Track]:
    """The tracks of all songs; those that the data set does not know yet are surveyed now, which adds to `spent`."""
    found = known(dataset, songs, settings.retry_failed)
    new = [song for song in songs if song not in found]
    if new and not fingerprint.available():
        note("this ffmpeg has no Chromaprint: duplicates are found by their bytes only")
    spent.update(run_jobs(Survey(dataset.root.absolute()), new, settings, "look at music", "song"))
    found |= known(dataset, new)
    for song in new:
        if song not in found:
            error = f"{song.parts[0]}: changed while it was looked at; run the command again"
            found[song] = Track(song, source_id(song), error=error)
    return found


def run_jobs(
    function: Callable[[Sequence[Any]], jobs.Counts], items: Sequence[Any], settings: Settings, label: str, unit: str
) -> jobs.Counts:
    """Run a job over batches of `items` as the settings say."""
    return jobs.run(
        function,
        jobs.shared_out(items, settings.jobs),
        jobs=settings.jobs,
        label=label,
        unit=unit,
        quiet=settings.quiet,
        dask=settings.dask,
    )


def _retagged(found: Mapping[Song, Track], earlier: Sequence[Track], cut: Collection[str]) -> dict[Song, Track]:
    """The tracks, of which those that hold the very samples of an earlier one go on as that one."""
    was: dict[str | None, str] = {track.sound_id: track.track_id for track in earlier if track.sound_id is not None}
    return {
        song: track if track.track_id in cut else replace(track, track_id=was.get(track.sound_id, track.track_id))
        for song, track in found.items()
    }


def _splits(dataset: Dataset) -> dict[str, str]:
    """The split of every track that is in the data set, by track_id."""
    table = dataset.references(["track_id", "split"])
    return dict(zip(table["track_id"].to_pylist(), table["split"].to_pylist(), strict=True))


def _within_hours(tracks: Sequence[Track], settings: Settings) -> list[Track]:
    """Tracks in an order that the seed decides until their split has its hours; all where no hours are asked."""
    if not settings.hours:
        return list(tracks)
    taken: set[str] = set()
    seconds: Counter[str] = Counter()
    for track in sorted(tracks, key=lambda track: ids.joined_id(str(settings.seed), track.track_id)):
        split = track.split(settings.valid_share)
        if seconds[split] < 3600 * (settings.hours_of(split) or 0):
            seconds[split] += track.seconds or 0.0  # type: ignore[assignment]
            taken.add(track.track_id)
    return [track for track in tracks if track.track_id in taken]


def _counted(left_out: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in left_out.items())
