"""Make the packaged judge without a reference, deepaq/models/clip: the clip head of a run, and clean music.

    python training/clip.py RUN [--music FOLDER] [--out FOLDER]

RUN is a run folder of the network `compact`; the packaged judge is made of deepaq/models/compact. The clean music is
the recordings below --music ($DEEPAQ_SHARED/music) whose licence in its table music.csv is CC0, CC BY or MIT; only the
mean of their embeddings is kept. Where there is no table, every file below --music counts.
"""

from __future__ import annotations

import argparse
import csv
import os
from dataclasses import replace
from pathlib import Path

from deepaq.compact.clip import Clip
from deepaq.compact.light import LightCompact
from deepaq.errors import UserError
from deepaq.files import audio_below
from deepaq.scoring import checkpoint
from deepaq.scoring.metric import CLIPS, Metric, load
from training.results.folder import write_checksums

SHARED = Path(os.environ.get("DEEPAQ_SHARED", "../shared/data")) / "music"
FREE = ("CC0-", "CC-BY-4.0", "MIT ")  # no share-alike, and no licence of a repository that may not cover a recording


def head(run: Metric) -> Clip:
    """The clip head of a compact network, without torch."""
    network = run.backbone
    if not isinstance(network, LightCompact):
        raise UserError(f"the network {network.name} has no clip head that works without torch; name a run of compact")
    found = Clip(network.settings()["clip_dims"])
    found.tensors = network.head()
    return found


def allowed(folder: Path) -> list[Path]:
    """The recordings that may be used."""
    table = folder / "music.csv"
    if not table.is_file():
        return audio_below(folder)
    with table.open(encoding="utf-8", newline="") as file:
        return [folder / row["file"] for row in csv.DictReader(file) if row["licence"].startswith(FREE)]


def make(run: Metric, music: list[Path], named: str, out: Path) -> None:
    """Write the model."""
    info = {key: run.model.info[key] for key in ("recipe", "steps", "data") if key in run.model.info}
    model = checkpoint.Checkpoint(head(run), None, run.model.unmatched, info | {"from": run.fingerprint})
    model.clean = replace(Metric(model).references(music), music=named)
    checkpoint.save(out, model)
    write_checksums(out)
    print(f"{out}: clip head of {run.fingerprint[:16]}, {model.clean.count} clean recordings")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--music", type=Path, default=SHARED)
    parser.add_argument("--named", default="recordings and renderings under CC0, CC BY 4.0 or MIT, see README.md")
    parser.add_argument("--out", type=Path, default=CLIPS)
    options = parser.parse_args()
    make(load(options.run), allowed(options.music), options.named, options.out)


if __name__ == "__main__":
    main()
