"""The first job of `prep transcode`: examine every source once, from its first to its last sample.

The tracks table keeps the results, so that later runs neither hash nor decode the source again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deepaq.audio.decode import probe
from deepaq.errors import UserError
from manifests import ids, schema
from manifests.dataset import Dataset
from manifests.fragment import write_fragment
from manifests.jobs import Counts
from manifests.provenance import provenance
from prep.coding import ffmpeg
from prep.tracks import fingerprint
from prep.tracks.corpora import CORPORA, Source
from prep.tracks.cutoff import LongTermSpectrum
from prep.tracks.fingerprint import Fingerprinter
from prep.tracks.mixture import mixed
from prep.tracks.sources import is_lossy
from prep.tracks.track import Track

_HIGHEST_PEAK = 10.0  # +20 dBFS: louder floats are unscaled integers


@dataclass(frozen=True)
class Survey:
    """Surveys a batch of sources and commits one fragment of the tracks table; picklable."""

    root: Path

    def __call__(self, sources: Sequence[Source]) -> Counts:
        dataset = Dataset(self.root, create=True)
        rows = [survey(source).row(source_id(source)) for source in sources]
        tools = {"ffmpeg": ffmpeg.version()} | CORPORA.packages(source.corpus for source in sources)
        footer = provenance("prep survey", {}, tools, ("av", "soundfile", "soxr"), self.root)
        write_fragment(dataset.folder(schema.TRACKS), schema.TRACKS, rows, footer)
        return Counter(row["status"] for row in rows)


def source_id(source: Source) -> str:
    """Id of a source: hash of its files' paths, sizes and modification times."""
    return ids.joined_id(*map(_state, source.parts))


def survey(source: Source) -> Track:
    """Hash and decode a source; finds length, spectral cut-off and fingerprint, or the reason why it is unreadable."""
    name, lossy = track_id(source), _lossy(source)
    frames, rate, spectrum, prints, sound = 0, 0, None, None, sha256()
    try:
        for audio in mixed(source.parts):
            if (peak := float(np.abs(audio.samples).max())) > _HIGHEST_PEAK:
                raise UserError(f"{source.parts[0]}: reaches {peak:.0f} where full scale is 1; export it again")
            rate = audio.sample_rate
            frames += audio.frames
            spectrum = spectrum or LongTermSpectrum(rate)
            spectrum.add(audio.samples)
            prints = prints or Fingerprinter(rate)
            prints.add(audio.samples)
            sound.update(audio.samples.tobytes())
        assert spectrum  # `mixed` yields at least one block
        assert prints
        words = prints.words() if fingerprint.available() else None
    except UserError as error:
        return Track(source, name, lossy=is_lossy(source), error=str(error))
    sound_id = ids.joined_id(str(rate), sound.hexdigest())
    return Track(source, name, frames / rate, rate, lossy, spectrum.cutoff_hz(), words, sound_id=sound_id)


def known(dataset: Dataset, sources: Iterable[Source], retry_failed: bool = False) -> dict[Source, Track]:
    """Read the tracks of the sources that the tracks table holds."""
    by_id: dict[str, list[Source]] = {}
    for source in sources:
        by_id.setdefault(source_id(source), []).append(source)
    return {
        source: _track(source, row)
        for row in _rows(dataset, "source_id", by_id)
        if not (retry_failed and row["status"] == schema.FAILED)
        for source in by_id[row["source_id"]]
    }


def tracks_of(dataset: Dataset, track_ids: Collection[str]) -> list[Track]:
    """Read tracks by id, one row each; their sources need not exist."""
    found: dict[str, Track] = {}
    for row in _rows(dataset, "track_id", track_ids):
        source = Source(row["name"], (Path(row["path"]),), row["split"], row["corpus"])
        found.setdefault(row["track_id"], _track(source, row))
    return list(found.values())


def _rows(dataset: Dataset, column: str, values: Collection[str]) -> Iterator[dict[str, Any]]:
    table = dataset.tracks()
    mine = pc.is_in(table[column], value_set=pa.array(list(values), pa.string()))
    for batch in table.filter(mine).to_batches(1024):
        yield from batch.to_pylist()


def _track(source: Source, row: dict[str, Any]) -> Track:
    words = None if row["fingerprint"] is None else np.frombuffer(row["fingerprint"], "<u4")
    facts = {name: row[name] for name in ("track_id", "seconds", "sample_rate", "cutoff_hz", "error", "sound_id")}
    return Track(source, lossy=bool(row["lossy"]), fingerprint=words, **facts)


def _lossy(source: Source) -> bool:
    try:
        return any(probe(path).lossy for path in source.parts)
    except UserError:  # libsndfile reads some kinds that FFmpeg does not
        return is_lossy(source)


def track_id(source: Source) -> str:
    """Id of a track: of its files' bytes; of their paths when they cannot be read."""
    try:
        if all(path.is_file() for path in source.parts):  # a pipe would be waited for
            parts = [ids.track_id(path) for path in source.parts]
            return parts[0] if len(parts) == 1 else ids.joined_id(*sorted(parts))
    except OSError:  # decoding gives a better reason
        pass
    return ids.joined_id(*map(str, source.parts))


def _state(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return str(path)
    return f"{path}\x1f{status.st_size}\x1f{status.st_mtime_ns}"
