"""Find the music that the user named: files, folders searched through, corpora read by their own layout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deepaq.audio.container import LOSSY, SUFFIXES
from deepaq.console import note
from deepaq.errors import UserError
from prep.tracks.corpora import CORPORA, Corpus, Source

AUTO = "auto"


def find_sources(arguments: Iterable[Path], corpus: str = AUTO) -> list[Source]:
    """The sources among `arguments` and below them, each file once, with absolute paths.

    A folder is read as the corpus named, or as the first whose layout it has; a file that is named itself is taken
    whatever its name. UserError for what does not exist, is no such corpus, and when nothing is found.
    """
    found: dict[tuple[Path, ...], Source] = {}
    for argument in arguments:
        if argument.is_dir():
            root = argument.absolute()
            for source in _layout(root, corpus).sources(root):
                found.setdefault(source.parts, source)
        elif argument.exists():
            path = argument.absolute()
            found.setdefault((path,), CORPORA["folder"].source(path.stem, [path]))
        else:
            raise UserError(f"{argument}: no such file or folder")
    if not found:
        raise UserError(f"no audio files found; known suffixes are {' '.join(sorted(SUFFIXES))}")
    return list(found.values())


def is_lossy(source: Source) -> bool:
    """True when a file's suffix says that it was coded before."""
    return any(path.suffix.lower() in LOSSY for path in source.parts)


def _layout(root: Path, corpus: str) -> Corpus:
    if corpus == AUTO:
        layout = next(layout for layout in CORPORA.values() if layout.recognises(root))
        if layout.name != "folder":
            note(f"{root}: read as {layout.title}, licence: {layout.licence}")
        return layout
    if corpus not in CORPORA:
        raise UserError(f"--corpus {corpus}: unknown corpus; known are {AUTO}, {', '.join(CORPORA)}")
    if not CORPORA[corpus].recognises(root):
        raise UserError(f"{root}: has not the layout of {CORPORA[corpus].title}; leave --corpus out, or name another")
    return CORPORA[corpus]
