"""Synthetic layouts: empty files in the right places, for what only looks at names."""

from __future__ import annotations

from pathlib import Path

from prep.testing import check_corpus
from prep.tracks.corpora import Source


def lay(root: Path, *names: str, **texts: str) -> Path:
    """Create empty files below `root`, and text files named by keyword with __ for / and _DOT_ for a dot."""
    contents = dict.fromkeys(names, "") | {
        name.replace("__", "/").replace("_DOT_", "."): text for name, text in texts.items()
    }
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def found(root: Path, corpus: str) -> dict[str, Source]:
    """Tracks by name, after checking the corpus's contract on a folder in its layout."""
    return {source.name: source for source in check_corpus(corpus, root)}
