"""The corpora whose layout is known. Adding one is one file with a `Corpus` and its entry here."""

from __future__ import annotations

from prep.corpora.corpus import Corpus, Song
from prep.corpora.fma import Fma
from prep.corpora.folder import Folder
from prep.corpora.jamendo import Jamendo
from prep.corpora.maestro import Maestro
from prep.corpora.medleydb import MedleyDb
from prep.corpora.moisesdb import MoisesDb
from prep.corpora.musdb18hq import Musdb18Hq
from prep.corpora.slakh import Slakh

__all__ = ["CORPORA", "Corpus", "Song"]

# In the order in which a folder is tried; the last takes anything.
CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (Musdb18Hq(), Maestro(), MoisesDb(), Slakh(), MedleyDb(), Jamendo(), Fma(), Folder())
}
