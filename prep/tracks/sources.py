"""Find the music named by the user: files, folders (searched recursively), and corpora by their layout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deepaq.audio.container import LOSSY, SUFFIXES
from deepaq.console import note
from deepaq.errors import UserError
from prep.tracks.corpora import CORPORA, Corpus, Source

AUTO, FOLDER = "auto", "folder"


def find_sources(arguments: Iterable[Path], corpus: str = AUTO) -> list[Source]:
    """Find the sources among `arguments` and below them, each file once, with absolute paths.

    A folder is read as the named corpus, or as the first corpus whose layout it has. A file is taken whatever its
    suffix. Raises UserError for missing paths, for a folder with another layout, and if nothing is found.
    """
    found: dict[tuple[Path, ...], Source] = {}
    for argument in arguments:
        if argument.is_dir():
            root = argument.absolute()
            layout = _layout(root, corpus)
            with CORPORA.attributed(layout.name):
                for source in layout.sources(root):
                    found.setdefault(source.parts, source)
        elif argument.exists():
            path = argument.absolute()
            found.setdefault((path,), CORPORA.built_in(FOLDER).source(path.stem, [path]))
        else:
            raise UserError(f"{argument}: no such file or folder")
    if not found:
        raise UserError(f"no audio files found; known suffixes are {' '.join(sorted(SUFFIXES))}")
    return list(found.values())


def is_lossy(source: Source) -> bool:
    """Tell by the suffix of a file if it was coded before."""
    return any(path.suffix.lower() in LOSSY for path in source.parts)


def _layout(root: Path, corpus: str) -> Corpus:
    if corpus == AUTO:
        layout = _recognised(root)
        if layout.name != FOLDER:
            note(f"{root}: read as {layout.title}, licence: {layout.licence}")
        return layout
    if corpus not in CORPORA:
        raise UserError(f"--corpus {corpus}: unknown corpus; known are {AUTO}, {', '.join(CORPORA)}")
    layout = CORPORA[corpus]
    with CORPORA.attributed(corpus):
        recognised = layout.recognises(root)
    if not recognised:
        raise UserError(f"{root}: does not have the layout of {layout.title}; leave --corpus out, or name another")
    return layout


def _recognised(root: Path) -> Corpus:
    """Find the first corpus whose layout the folder has: built-in ones, those of packages, then any folder."""
    for name in CORPORA.own:
        if name != FOLDER and (layout := CORPORA.built_in(name)).recognises(root):
            return layout
    for name in CORPORA:
        if name in CORPORA.own:
            continue
        try:
            with CORPORA.attributed(name):
                if (layout := CORPORA[name]).recognises(root):
                    return layout
        except UserError as error:  # it was not requested
            note(f"{error}; it is left out")
    return CORPORA.built_in(FOLDER)
