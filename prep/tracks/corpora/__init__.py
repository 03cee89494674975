"""The corpora whose layout is known. Adding one is one file with a `Corpus` and its entry here."""

from __future__ import annotations

from prep.tracks.corpora.corpus import Corpus, Source
from prep.tracks.corpora.fma import Fma
from prep.tracks.corpora.folder import Folder
from prep.tracks.corpora.jamendo import Jamendo
from prep.tracks.corpora.maestro import Maestro
from prep.tracks.corpora.medleydb import MedleyDb
from prep.tracks.corpora.moisesdb import MoisesDb
from prep.tracks.corpora.musdb18hq import Musdb18Hq
from prep.tracks.corpora.slakh import Slakh

__all__ = ["CORPORA", "Corpus", "Source"]

# In the order in which a folder is tried; the last takes anything.
CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (Musdb18Hq(), Maestro(), MoisesDb(), Slakh(), MedleyDb(), Jamendo(), Fma(), Folder())
}
