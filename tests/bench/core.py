"""Measure what the core takes from data: the spreads of its tracks, and its curve to MOS.

    prep transcode MUSIC --out DATA --clip 6 --distortions all
    labels visqol DATA
    python -m tests.bench.core DATA [--write] [--clips N]

Spreads are standard deviations over all degraded clips of DATA: no listener and no other metric has a say. The curve
is fitted to ViSQOL's MOS of the coded clips. It gives the scale and leaves the order of clips as it is. The weight of
the stereo image is not measured here (docs/method.md). --write puts the result into the package.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deepaq.audio import Audio, Samples, read, resample, to_mid_side
from deepaq.audio.level import gain
from deepaq.core.comparator import Compared
from deepaq.core.core import Core, pooled
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.mapping import fit_exponential
from deepaq.scoring.metric import PACKAGED
from manifests.dataset import Dataset

TOP = 4.732101253042  # ViSQOL's MOS of a signal against itself


def main() -> None:
    """Print the spreads and the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", type=int, help="use the first N clips only")
    parser.add_argument("--write", action="store_true", help="write the packaged model.json")
    arguments = parser.parse_args()
    data = Dataset(arguments.data)
    rows = labelled(data, arguments.clips)
    unit = list(compared(data, rows, Core(structure=1.0, level=1.0, image=1.0)))
    spreads = {name: float(np.std([pooled(found.tracks[name]) for found in unit])) for name in ("structure", "level")}
    print(f"{len(rows)} degraded clips; spreads:", {name: round(value, 4) for name, value in spreads.items()})
    packaged = checkpoint.load(PACKAGED).backbone
    assert isinstance(packaged, Core)
    core = replace(packaged, **{name: float(f"{value:.2g}") for name, value in spreads.items()})
    coded = [row for row in rows if row["codec"] and row["condition"].startswith(row["codec"])]
    distances = [float(pooled(found.distance)) for found in compared(data, coded, core)]
    mos = [row["mos"] for row in coded]
    curve = fit_exponential(distances, mos, TOP)
    print(f"{len(coded)} coded clips; curve: {curve}; error {np.std(curve(distances) - mos):.3f}")
    if arguments.write:
        info = {"spreads": f"{len(rows)} degraded clips", "curve": f"ViSQOL's MOS of {len(coded)} coded clips"}
        checkpoint.save(PACKAGED, Checkpoint(core, curve, None, info))


def labelled(data: Dataset, clips: int | None) -> list[dict[str, Any]]:
    """Return the rows of degraded clips that ViSQOL has labelled, with the path of the reference and the MOS."""
    labels = {row["degraded_id"]: row["value"] for row in data.labels("visqol").to_pylist() if row["status"] == "ok"}
    clean = {row["reference_id"]: row["path"] for row in data.references().to_pylist()}
    rows = [row for row in data.degraded().to_pylist() if row["degraded_id"] in labels]
    wanted = set(sorted({row["reference_id"] for row in rows})[:clips])
    return [
        {**row, "reference": clean[row["reference_id"]], "mos": labels[row["degraded_id"]]}
        for row in rows
        if row["reference_id"] in wanted
    ]


def compared(data: Dataset, rows: Iterable[dict[str, Any]], core: Core) -> Iterator[Compared]:
    """Yield what `core` finds in every degraded clip."""
    references: dict[str, Samples] = {}
    for row in rows:
        if row["reference"] not in references:
            references[row["reference"]] = _mid_side(read(data.path(row["reference"])))
        ours, theirs = references[row["reference"]], _mid_side(read(data.path(row["path"])))
        frames = min(len(ours), len(theirs))
        ours, theirs = ours[:frames], theirs[:frames]
        nominal = core.nominal_gain(ours[:, 0])
        factor = nominal / gain(ours[:, 0], theirs[:, 0])
        yield core.compare(ours * np.float32(nominal), theirs * np.float32(factor))


def _mid_side(audio: Audio) -> Samples:
    return resample(to_mid_side(audio.samples), audio.sample_rate, 48_000)


if __name__ == "__main__":
    main()
