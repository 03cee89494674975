"""Choose the tracks of a run from the music that the user named: find, survey, admit, select, shard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any

from deepaq.console import note
from deepaq.errors import UserError
from manifests import ids, jobs
from manifests.dataset import Dataset
from manifests.split import TRAIN, VALID
from prep.references.existing import References
from prep.settings import Settings
from prep.tracks import fingerprint
from prep.tracks.admission import LOSSY, LeftOut, admit
from prep.tracks.corpora import Source
from prep.tracks.exclusion import Exclusion
from prep.tracks.sources import find_sources
from prep.tracks.survey import Survey, known, source_id, tracks_of
from prep.tracks.track import Track

_LINES = 20  # messages of one kind printed one by one


@dataclass(frozen=True)
class Found:
    """The music of a run. sources: music to use. exclusion: tracks to leave out."""

    sources: Sequence[Source]
    exclusion: Exclusion

    @property
    def everything(self) -> list[Source]:
        """All sources to survey, excluded recordings included, each once."""
        return list(dict.fromkeys([*self.sources, *self.exclusion.recordings]))


@dataclass(frozen=True)
class Intake:
    """Tracks of a run. left_out: the number of others, by kind."""

    tracks: Sequence[Track]
    left_out: Counter[str]


def find(music: Sequence[Path], settings: Settings) -> Found:
    """Find the music and read the exclusions; raises UserError if either is unusable."""
    exclusion = Exclusion.read(settings.exclude)
    return Found(find_sources(music, settings.corpus), exclusion)


def surveyed(
    dataset: Dataset, sources: Sequence[Source], settings: Settings, spent: jobs.Counts
) -> dict[Source, Track]:
    """Return the tracks of all sources; surveys those unknown to the data set, which adds to `spent`."""
    found = known(dataset, sources, settings.retry_failed)
    new = [source for source in sources if source not in found]
    if new and not fingerprint.available():
        note("this ffmpeg has no Chromaprint: duplicates are found by their bytes only")
    spent.update(run_jobs(Survey(dataset.root.absolute()), new, settings, "survey music", "track"))
    found |= known(dataset, new)
    for source in new:
        if source not in found:
            error = f"{source.parts[0]}: changed during the survey; run the command again"
            found[source] = Track(source, source_id(source), error=error)
    return found


def intake(
    found: Found, tracks: Mapping[Source, Track], dataset: Dataset | None, references: References, settings: Settings
) -> Intake:
    """Choose the tracks of this run.

    tracks: the track of every source in `found.everything`. dataset, references: those of earlier runs, if any. Raises
    UserError if an excluded recording cannot be read or no track is left.
    """
    for source in found.exclusion.recordings:
        if error := tracks[source].error:
            raise UserError(f"{error}; it cannot be excluded: repair it, or write its name into a list (.txt)")
    splits = references.splits
    named = [tracks[source] for source in found.sources]
    earlier = tracks_of(dataset, splits.keys() - {track.track_id for track in named}) if dataset else []
    was = {track.sound_id: track.track_id for track in earlier if track.sound_id is not None}
    # A track with the samples of an earlier one takes its id, for only its tags have changed.
    named = [
        replace(track, track_id=was[track.sound_id])
        if track.sound_id in was and track.track_id not in splits
        else track
        for track in named
    ]
    here = {track.track_id for track in named}
    admission = admit(
        named,
        found.exclusion,
        excluded=[tracks[source] for source in found.exclusion.recordings],
        earlier=[track for track in earlier if track.track_id not in here],
        cut_before=splits.keys(),
        allow_lossy=settings.allow_lossy,
    )
    # A track keeps the split of its first run.
    admitted = [track.kept_in(splits.get(track.track_id)) for track in admission.admitted]
    left_out = _told(admission.left_out)
    surveyed_all = all(track.sound_id or track.error for track in named)
    for line in admission.unmatched:
        if surveyed_all or not line.is_id:  # ids come from a survey
            note(f"{line}: matches none of these tracks; nothing is left out for it")
    if not admitted:
        counts = ", ".join(f"{count} {kind}" for kind, count in left_out.items())
        raise UserError(f"none of the {len(named)} tracks can be used; {counts} were left out")
    chosen = _within_hours(admitted, settings)
    _warn(chosen, references, settings)
    mine = jobs.in_shard([track.track_id for track in chosen], settings.shard)
    return Intake(list(compress(chosen, mine)), left_out)


def run_jobs(
    function: Callable[[Sequence[Any]], jobs.Counts], items: Sequence[Any], settings: Settings, label: str, unit: str
) -> jobs.Counts:
    """Run a job over batches of `items`, according to the settings."""
    return jobs.run(
        function,
        jobs.shared_out(items, settings.jobs),
        jobs=settings.jobs,
        label=label,
        unit=unit,
        quiet=settings.quiet,
        dask=settings.dask,
    )


def _told(left_out: Sequence[LeftOut]) -> Counter[str]:
    """Print why tracks were left out, at most 20 lines of a kind, and return their number by kind."""
    counts: Counter[str] = Counter()
    for one in left_out:
        counts[one.kind] += 1
        if counts[one.kind] <= _LINES:
            note(one.line)
    for kind, count in counts.items():
        if count > _LINES:
            note(f"... and {count - _LINES} more {kind} ones")
    if counts[LOSSY]:
        note(f"{counts[LOSSY]} lossy or band-limited tracks are left out; --allow-lossy takes them too")
    return counts


def _warn(tracks: Sequence[Track], references: References, settings: Settings) -> None:
    """Note requests that the music cannot meet: too many hours, an empty split, mixed clip lengths."""
    seconds: Counter[str] = Counter()
    for track in tracks:
        seconds[track.split(settings.valid_share)] += track.seconds or 0.0  # type: ignore[assignment]
    for split in (TRAIN, VALID):
        wanted, there = settings.hours_of(split), seconds[split] / 3600
        possible = split == TRAIN or settings.valid_share or len(settings.hours) > 1
        if wanted is not None and there < wanted and possible:
            note(f"--hours asks for {wanted:g} h of {split}, this music has {there:.3g} h; name more music or lower it")
    held = seconds.keys() | references.splits.values()
    for split, share in ((TRAIN, 1 - settings.valid_share), (VALID, settings.valid_share)):
        if share and split not in held:
            note(f"none of the {len(tracks)} tracks is in the split {split}; name more music or change --valid-share")
    if lengths := references.other_lengths(tracks, settings.clip_s):
        before = ", ".join(f"{length:g}" for length in lengths)
        note(
            f"these tracks were cut into clips of {before} s before; clips of {settings.clip_s:g} s are added, which "
            "overlap with those; to keep one length, name another --out"
        )


def _within_hours(tracks: Sequence[Track], settings: Settings) -> list[Track]:
    """Select tracks in an order given by the seed until their split has its hours; all if no hours are requested."""
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
