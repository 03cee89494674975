"""Tracks: sources with the results of their survey."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from deepaq.files import printable
from manifests import schema
from manifests.split import split_of
from prep.tracks.corpora import Source
from prep.tracks.fingerprint import Words

LOWEST_CUTOFF_HZ = 20_300.0  # lossless music of CD quality reaches higher or fades without a wall


@dataclass(frozen=True, eq=False)
class Track:
    """A surveyed source. track_id: hash of the bytes. seconds, sample_rate (Hz), cutoff_hz, fingerprint: None if
    unknown. error: the reason if it is unreadable. sound_id: hash of the decoded samples."""

    source: Source
    track_id: str
    seconds: float | None = None
    sample_rate: int | None = None
    lossy: bool = False
    cutoff_hz: float | None = None
    fingerprint: Words | None = None
    error: str | None = None
    sound_id: str | None = None

    @property
    def path(self) -> str:
        """Path of its only or first file, as text."""
        return printable(str(self.source.parts[0]))

    def split(self, valid_share: float) -> str:
        """The split stated by the corpus, else one by hash of the id."""
        return self.source.split or split_of(self.track_id, valid_share)

    def kept_in(self, split: str | None) -> Track:
        """The same track with this split, unless it is None."""
        return self if split in (None, self.source.split) else replace(self, source=replace(self.source, split=split))

    def flaw(self) -> str | None:
        """Reason why it is not a clean reference (coded before, or band-limited); None if it is."""
        if self.lossy:
            return "is a lossy source"
        if self.sample_rate is not None and self.sample_rate / 2 < LOWEST_CUTOFF_HZ:
            return f"is band-limited by its sample rate of {self.sample_rate} Hz"
        if self.cutoff_hz is not None and self.cutoff_hz < LOWEST_CUTOFF_HZ:
            return f"ends at {self.cutoff_hz / 1000:.1f} kHz as if it had been coded or resampled before"
        return None

    def row(self, source_id: str) -> dict[str, Any]:
        """Row for the tracks table."""
        return {
            "source_id": source_id,
            "track_id": self.track_id,
            "name": self.source.name,
            "corpus": self.source.corpus,
            "path": self.path,
            "split": self.source.split,
            "seconds": self.seconds,
            "sample_rate": self.sample_rate,
            "lossy": self.lossy,
            "cutoff_hz": self.cutoff_hz,
            "sound_id": self.sound_id,
            "fingerprint": None if self.fingerprint is None else self.fingerprint.tobytes(),
            "status": schema.FAILED if self.error else schema.OK,
            "error": None if self.error is None else printable(self.error),
        }
