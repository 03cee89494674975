"""Exclusions: tracks to leave out of a data set, such as those of listening tests used for evaluation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deepaq.audio.container import SUFFIXES
from deepaq.errors import UserError
from prep.tracks.corpora import Source
from prep.tracks.sources import find_sources
from prep.tracks.track import Track

LIST = ".txt"
_WILD = frozenset("*?[")
_ID = re.compile("[0-9a-f]{24}")


@dataclass(frozen=True)
class Line:
    """An entry of an exclusion list: its file, line number and text."""

    path: Path
    number: int
    text: str

    @property
    def is_id(self) -> bool:
        """Tell if the entry looks like a track_id."""
        return _ID.fullmatch(self.text) is not None

    def __str__(self) -> str:
        return f"{self.path}: line {self.number} ({self.text})"


@dataclass(frozen=True)
class Exclusion:
    """Tracks to leave out. lines: entries of exclusion lists. recordings: audio to exclude by content."""

    lines: Sequence[Line] = ()
    recordings: Sequence[Source] = ()

    @classmethod
    def read(cls, arguments: Iterable[Path]) -> Exclusion:
        """Read lists (`.txt`, one entry per line, # for comments) and find recordings: audio files, folders, corpora.

        Raises UserError for files that do not exist or cannot be read.
        """
        lines: list[Line] = []
        recordings: list[Source] = []
        for argument in arguments:
            if argument.suffix.lower() != LIST:
                recordings += find_sources([argument])
                continue
            try:
                text = argument.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise UserError(
                    f"{argument}: cannot be read as a list of tracks ({error}); save it as UTF-8 text"
                ) from None
            stripped = (line.strip() for line in text.splitlines())
            lines += [
                Line(argument, number, line)
                for number, line in enumerate(stripped, 1)
                if line and not line.startswith("#")
            ]
        return cls(lines, recordings)

    def match(self, tracks: Sequence[Track]) -> dict[Line, list[Track]]:
        """Find the tracks that each line names; an empty list for a line without any.

        A line names a track by its track_id, its name up to punctuation, its file name, its path from the right, or a
        folder above it with a slash; a line that does not is a pattern such as `Artist/*.wav`, matched from the right.
        The suffix of an audio file may be missing or another one. Upper and lower case, composed and decomposed
        characters, slashes and backslashes are the same.
        """
        found: dict[Line, list[Track]] = {line: [] for line in self.lines}
        texts = {line: _text(line.text) for line in self.lines}
        literal = _index((key, line) for line, text in texts.items() for key in {text, _without_suffix(text)})
        spelled = _index((_plain(_without_suffix(text)), line) for line, text in texts.items())
        spelled.pop("", None)
        for track in tracks if self.lines else ():
            lines = [line for name in _literal(track) for line in literal.get(name, ())]
            lines += [line for name in _spelled(track) for line in spelled.get(name, ())]
            _add(found, lines, track)
        patterns = {line: text for line, text in texts.items() if not found[line] and _WILD.intersection(text)}
        for track in tracks if patterns else ():
            paths = [PurePosixPath(_text(str(part))) for part in track.source.parts]
            _add(found, (line for line, text in patterns.items() if any(_matches(p, text) for p in paths)), track)
        return found


def _index(pairs: Iterable[tuple[str, Line]]) -> dict[str, list[Line]]:
    index: dict[str, list[Line]] = {}
    for key, line in pairs:
        index.setdefault(key, []).append(line)
    return index


def _add(found: dict[Line, list[Track]], lines: Iterable[Line], track: Track) -> None:
    for line in dict.fromkeys(lines):
        found[line].append(track)


def _matches(path: PurePosixPath, pattern: str) -> bool:
    """Match a path with a pattern; one that ends in a slash matches folders."""
    return any(folder.match(pattern) for folder in path.parents) if pattern.endswith("/") else path.match(pattern)


def _spelled(track: Track) -> Iterator[str]:
    yield _plain(_text(track.source.name))
    yield from (_plain(_text(part.stem)) for part in track.source.parts)


def _literal(track: Track) -> Iterator[str]:
    """Yield every text that names the track exactly: id, name, paths from the right, folders above it."""
    yield track.track_id
    yield _text(track.source.name)
    for part in track.source.parts:
        path = _text(str(part))
        for whole in (path, _without_suffix(path)):
            yield whole
            steps = whole.strip("/").split("/")
            yield from ("/".join(steps[start:]) for start in range(len(steps)))
        folders = path.strip("/").split("/")[:-1]
        for end in range(1, len(folders) + 1):
            yield "/" + "/".join(folders[:end])
            for start in range(end):
                tail = "/".join(folders[start:end])
                yield f"{tail}/"
                if end - start > 1:
                    yield tail


def _text(text: str) -> str:
    """Normalise a text for comparison."""
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return composed.replace("\\", "/").removeprefix("./")


def _without_suffix(text: str) -> str:
    stem, dot, suffix = text.rpartition(".")
    return stem if dot and f".{suffix}" in SUFFIXES and not stem.endswith("*") else text


def _plain(name: str) -> str:
    """Reduce a name to letters and digits, with words separated by one blank."""
    return " ".join("".join(c if c.isalnum() else " " for c in name).split())
