"""Corpora with known layouts; installed packages add theirs through the entry points `deepaq.corpora`."""

from __future__ import annotations

from typing import Any

from deepaq.registry import Registry, check_class
from prep.tracks.corpora.corpus import Corpus, Source

__all__ = ["CORPORA", "Corpus", "Source"]

# In the order in which a folder is tried. The last accepts any folder and is tried after those of installed packages.
_BUILT_IN = {
    "musdb18hq": "prep.tracks.corpora.musdb18hq:MUSDB18HQ",
    "maestro": "prep.tracks.corpora.maestro:MAESTRO",
    "moisesdb": "prep.tracks.corpora.moisesdb:MOISESDB",
    "slakh": "prep.tracks.corpora.slakh:SLAKH",
    "medleydb": "prep.tracks.corpora.medleydb:MEDLEYDB",
    "jamendo": "prep.tracks.corpora.jamendo:JAMENDO",
    "fma": "prep.tracks.corpora.fma:FMA",
    "folder": "prep.tracks.corpora.folder:FOLDER",
}


def _accepted(name: str, part: Any) -> Corpus:
    check_class(part, Corpus, ("name", "title", "licence"))
    corpus: Corpus = part()
    return corpus


CORPORA: Registry[Corpus] = Registry("corpus", "deepaq.corpora", _BUILT_IN, _accepted, "prep")
