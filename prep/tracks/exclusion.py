"""What must stay out of a data set, such as the songs of the listening tests that a metric is judged by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from deepaq.errors import UserError
from prep.tracks.corpora import Song
from prep.tracks.sources import find_songs

_LIST = ".txt"
_GLOB = frozenset("*?[")


@dataclass
class Exclusion:
    """lines: of exclusion lists. songs: recordings to stay out whatever their name, found by content."""

    lines: set[str] = field(default_factory=set)
    songs: list[Song] = field(default_factory=list)

    @cached_property
    def _names(self) -> set[str]:
        return set(map(_plain, self.lines)) - {""}

    @cached_property
    def _patterns(self) -> list[str]:
        return [line for line in self.lines if "/" in line or _GLOB.intersection(line)]

    @classmethod
    def read(cls, arguments: Iterable[Path]) -> Exclusion:
        """Text files (`.txt`, one entry a line, # for comments) and recordings: audio files, folders, corpora.

        UserError for what does not exist or cannot be read.
        """
        exclusion = cls()
        for argument in arguments:
            if argument.suffix.lower() != _LIST:
                exclusion.songs += find_songs([argument])
                continue
            try:
                text = argument.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise UserError(f"{argument}: cannot be read as a list of songs ({error})") from None
            exclusion.lines |= {line.strip() for line in text.splitlines()} - {""}
        exclusion.lines = {line for line in exclusion.lines if not line.startswith("#")}
        return exclusion

    def names(self, song: Song, track_id: str) -> bool:
        """Whether a line is the song's name (spelling of case and punctuation aside), its id, or a pattern of its path.

        A pattern is matched from the right: `Artist/*.wav` is that file in any folder.
        """
        return (
            track_id in self.lines
            or not self._names.isdisjoint({_plain(song.name), *(_plain(path.stem) for path in song.parts)})
            or any(path.match(pattern) for pattern in self._patterns for path in song.parts)
        )


def _plain(name: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in name.casefold()).split())
