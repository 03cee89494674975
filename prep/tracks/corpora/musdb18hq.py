"""MUSDB18-HQ: `train` and `test`, a folder per source with `mixture.wav` and four stems."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prep.tracks.corpora.corpus import Corpus, Source, folders

# Training tracks that the makers of the corpus set aside for validation.
VALIDATION = frozenset(
    {
        "ANiMAL - Rockshow",
        "Actions - One Minute Smile",
        "Alexander Ross - Goodbye Bolero",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Fergessen - Nos Palpitants",
        "James May - On The Line",
        "Johnny Lokke - Promises & Lies",
        "Leaf - Summerghost",
        "Meaxic - Take A Step",
        "Patrick Talbot - A Reason To Leave",
        "Skelpolu - Human Mistakes",
        "Traffic Experiment - Sirens",
        "Triviul - Angelsaint",
        "Young Griffo - Pennies",
    }
)


class Musdb18Hq(Corpus):
    name = "musdb18hq"
    title = "MUSDB18-HQ"
    licence = "for educational purposes only; sources under their own licences, many CC BY-NC-SA"

    def recognises(self, root: Path) -> bool:
        return all((root / part).is_dir() for part in ("train", "test")) and any(root.glob("t*/*/mixture.wav"))

    def sources(self, root: Path) -> Iterator[Source]:
        for part in ("train", "test"):
            for folder in folders(root / part):
                split = "valid" if part == "train" and folder.name in VALIDATION else part
                yield self.source(folder.name, [folder / "mixture.wav"], split)


MUSDB18HQ = Musdb18Hq()
