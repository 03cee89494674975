"""Measure what the core takes from data: the spreads of its tracks, and its curve to MOS.

    prep transcode MUSIC --out DATA --clip 6 --distortions all
    labels visqol DATA
    python tests/bench/core.py DATA [--write] [--clips N]

Spreads are standard deviations over all degraded clips of DATA: no listener and no other metric has a say. The curve
is fitted to ViSQOL's MOS, which gives it its scale and leaves the order of clips as it is. The weight of the stereo
image is not measured here; it is the smallest that docs/truth.md allows. --write puts the result into the package.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

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
UNIT = Core(structure=1.0, level=1.0, image=1.0)


def main() -> None:
    """Print the spreads and the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", type=int, help="use the first N clips only")
    parser.add_argument("--write", action="store_true", help="write the packaged model.json")
    arguments = parser.parse_args()
    found = list(compared(Dataset(arguments.data), arguments.clips))
    tracks = {name: np.std([pooled(c.tracks[name]) for c, _, _ in found]) for name in ("structure", "level")}
    print(f"{len(found)} degraded clips; spreads:", {name: round(float(value), 4) for name, value in tracks.items()})
    packaged = checkpoint.load(PACKAGED)
    assert isinstance(packaged.backbone, Core)
    core = replace(packaged.backbone, **{name: float(f"{value:.2g}") for name, value in tracks.items()})
    distances = [distance(core, both) for both, _, _ in found_with(core, Dataset(arguments.data), arguments.clips)]
    mos = [value for _, _, value in found]
    curve = fit_exponential(distances, mos, TOP)
    print("curve:", curve, "error", round(float(np.std(curve(distances) - mos)), 3))
    if arguments.write:
        info = {"spreads": f"{len(found)} degraded clips", "curve": "fitted to ViSQOL's MOS of the same clips"}
        checkpoint.save(PACKAGED, Checkpoint(core, curve, None, info))
        print((PACKAGED / checkpoint.FILE).read_text())
    print(json.dumps(core.settings()))


def distance(core: Core, both: Compared) -> float:
    """The distance that the core gives a clip."""
    return float(pooled(both.distance))


def found_with(core: Core, data: Dataset, clips: int | None) -> Iterator[tuple[Compared, str, float]]:
    """Yield what `core` finds in every labelled degraded clip, its condition and ViSQOL's MOS."""
    labels = {r["degraded_id"]: r["value"] for r in data.labels("visqol").to_pylist() if r["status"] == "ok"}
    degraded = [row for row in data.degraded().to_pylist() if row["degraded_id"] in labels]
    wanted = sorted({row["reference_id"] for row in degraded})[:clips]
    references = {
        r["reference_id"]: _mid_side(read(data.path(r["path"])))
        for r in data.references().to_pylist()
        if r["reference_id"] in wanted
    }
    for row in degraded:
        if row["reference_id"] in references:
            ours, theirs = references[row["reference_id"]], _mid_side(read(data.path(row["path"])))
            frames = min(len(ours), len(theirs))
            ours, theirs = ours[:frames], theirs[:frames]
            nominal = core.nominal_gain(ours[:, 0])
            factor = nominal / gain(ours[:, 0], theirs[:, 0])
            yield (
                core.compare(ours * np.float32(nominal), theirs * np.float32(factor)),
                row["condition"],
                labels[row["degraded_id"]],
            )


def compared(data: Dataset, clips: int | None) -> Iterator[tuple[Compared, str, float]]:
    """The same with all weights 1."""
    return found_with(UNIT, data, clips)


def _mid_side(audio: Audio) -> Samples:
    return resample(to_mid_side(audio.samples), audio.sample_rate, 48_000)


if __name__ == "__main__":
    main()
