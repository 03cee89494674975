"""Means and standard deviations of the consensus' measures over ordinary damage.

    python -m tests.bench.consensus [MUSIC] [--seconds 4] [--clips 8] [--out FOLDER]

The given number of seconds of the first clips of different recordings in MUSIC ($DEEPAQ_SHARED/music) is coded as Opus,
mp3 and AAC at five bitrates and damaged by every distortion at severities 1 and 3; the data set is rated with
`labels rate --rater consensus`, and what `SPREADS` in labels/raters/consensus.py should hold is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile

from labels.raters.consensus import SPREADS
from labels.rating.stage import Settings as Rating
from labels.rating.stage import rate
from manifests import schema
from manifests.dataset import Dataset
from manifests.jobs import cpu_count
from prep.distortions import DISTORTIONS
from prep.transcode import Settings, transcode
from tests.shared import SHARED

MUSIC = SHARED / "music"


def clips(music: Path, seconds: float, count: int, out: Path) -> None:
    """One clip of each of the first `count` recordings, from its middle."""
    out.mkdir(parents=True, exist_ok=True)
    recordings: dict[str, Path] = {}
    for path in sorted(music.glob("*.flac")):
        recordings.setdefault(path.stem.rpartition("_")[0] or path.stem, path)
    for path in list(recordings.values())[:count]:
        samples, rate = soundfile.read(path, always_2d=True)
        start = max(0, (len(samples) - round(seconds * rate)) // 2)
        if not (out / path.name).exists():
            soundfile.write(out / path.name, samples[start : start + round(seconds * rate)], rate, subtype="PCM_24")


def measure(options: argparse.Namespace) -> None:
    """Make the data set, rate it and print every measure's mean and deviation."""
    distortions = ",".join(f"{name}-{severity}" for name in DISTORTIONS for severity in (1, 3))
    made = Settings(
        ("opus", "mp3", "aac"), (24, 32, 48, 64, 96), options.seconds, distortions=distortions, jobs=options.jobs
    )
    transcode([options.out / "music"], options.out / "data", made)
    print(rate(options.out / "data", "consensus", Rating(jobs=options.jobs)))
    labels = Dataset(options.out / "data").labels("consensus").to_pylist()
    extras = [dict(row["extras"]) for row in labels if row["status"] == schema.OK]
    for name, spread in SPREADS.items():
        values = np.array([each[name] for each in extras])
        print(f'    "{name}": Spread({values.mean():.4g}, {values.std():.4g}, {spread.sign}),')
    print(f"{len(extras)} degraded clips")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, nargs="?", default=MUSIC)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("consensus-run"))
    parser.add_argument("--jobs", type=int, default=cpu_count())
    options = parser.parse_args()
    clips(options.music, options.seconds, options.clips, options.out / "music")
    measure(options)


if __name__ == "__main__":
    main()
