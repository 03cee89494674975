"""Scores without a reference on recordings left out of training: the packaged clean music beside ten clean recordings.

    python -m tests.bench.unreferenced [--music FOLDER] [--out FOLDER] [--draws 30] [--model RUN] [--quick]

Cuts the recordings of MUSIC ($DEEPAQ_SHARED/music) that the packaged models were not made of, by the licence in
music.csv, into clips of 5 s, codes them in 21 conditions and labels them with ViSQOL; a second run resumes. Prints for
every choice of clean music the SRCC with ViSQOL over all coded clips (95 % interval by the jackknife over
recordings), within each codec, and the mean over clips and codecs of the SRCC with the bitrate. Ten references are
drawn from the other recordings, again for every draw. `condition only` is the mean label of a condition on the other
recordings: what a listener to nothing but the name of the condition would answer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

import deepaq
from deepaq.files import audio_below
from labels.benchmark.statistics.correlation import Values, srcc
from labels.benchmark.statistics.jackknife import interval
from labels.rating.stage import Settings as Rating
from labels.rating.stage import rate
from manifests import schema
from manifests.dataset import Dataset
from manifests.jobs import cpu_count
from prep.synth import SAMPLE_RATE, compose
from prep.transcode import Settings, transcode
from training.clip import SHARED, allowed

TEN = 10


@dataclass
class Clips:
    """Coded clips. point: embedding, (rows, dims); label: ViSQOL's MOS; the others by row."""

    point: Values
    label: Values
    kbps: Values
    codec: list[str]
    clip: list[str]
    recording: list[str]

    def within(self, names: Sequence[str]) -> Iterator[Values]:
        """Yield the rows of every group of equal names."""
        for name in sorted(set(names)):
            yield np.flatnonzero([each == name for each in names])


def recording(path: str | Path) -> str:
    """The recording of a file whose name ends in the number of its part."""
    return Path(path).stem.rpartition("_")[0] or Path(path).stem


def prepare(music: Path, out: Path, settings: Settings) -> Dataset:
    """Make the data set of the recordings that may not be used."""
    kept_out = sorted(set(audio_below(music)) - set(allowed(music))) or audio_below(music)
    jobs = settings.jobs
    transcode(kept_out, out, settings)
    rate(out, "visqol", Rating(jobs=jobs, quiet=True))
    return Dataset(out)


def embedded(data: Dataset, metric: deepaq.Metric) -> tuple[Clips, dict[str, Values]]:
    """The coded clips, and by recording the embedding of its clean clips."""
    labels = {row["degraded_id"]: row["value"] for row in data.labels("visqol").to_pylist() if row["value"] is not None}
    whole = {row["reference_id"]: row for row in data.references().to_pylist()}
    rows = [row for row in data.degraded().to_pylist() if row["status"] == schema.OK and row["degraded_id"] in labels]

    def point(path: str) -> Values:
        return np.mean([each for _, _, each in metric.clip_points(data.path(path))], axis=0)

    names = {key: recording(row["track_path"]) for key, row in whole.items()}
    clean = {
        name: np.mean([point(row["path"]) for key, row in whole.items() if names[key] == name], axis=0)
        for name in set(names.values())
    }
    return Clips(
        np.array([point(row["path"]) for row in rows], float),
        np.array([labels[row["degraded_id"]] for row in rows]),
        np.array([row["bitrate_kbps"] for row in rows], float),
        [row["codec"] for row in rows],
        [row["reference_id"] for row in rows],
        [names[row["reference_id"]] for row in rows],
    ), clean


def by_centre(clips: Clips, centre: Values) -> Values:
    """Quality by the distance from one centre, (dims,), or from one for every row, (rows, dims)."""
    return -np.linalg.norm(clips.point - centre, axis=1)


def ten(clips: Clips, clean: dict[str, Values], seed: int) -> Values:
    """Quality by the distance from the mean of ten other recordings, drawn for every recording."""
    rng = np.random.default_rng(seed)
    centres = {}
    for name in sorted(clean):
        others = sorted(set(clean) - {name})
        centres[name] = np.mean([clean[other] for other in rng.permutation(others)[:TEN]], axis=0)
    return by_centre(clips, np.array([centres[name] for name in clips.recording]))


def condition_only(clips: Clips) -> Values:
    """The mean label of the condition on other recordings."""
    names = [f"{codec}-{kbps:g}" for codec, kbps in zip(clips.codec, clips.kbps, strict=True)]
    found = np.zeros(len(names))
    for row, (name, own) in enumerate(zip(names, clips.recording, strict=True)):
        pairs = zip(names, clips.recording, clips.label, strict=True)
        found[row] = np.mean([label for each, other, label in pairs if each == name and other != own])
    return found


def figures(clips: Clips, quality: Values) -> list[float]:
    """SRCC with ViSQOL over all rows and within each codec, mean SRCC with the bitrate."""
    overall = float(srcc(clips.label, quality)[0])
    codecs = [float(srcc(clips.label[rows], quality[rows])[0]) for rows in clips.within(clips.codec)]
    pairs = [f"{clip} {codec}" for clip, codec in zip(clips.clip, clips.codec, strict=True)]
    orders = [float(srcc(clips.kbps[rows], quality[rows])[0]) for rows in clips.within(pairs)]
    return [overall, *codecs, float(np.nanmean(orders))]


def report(clips: Clips, clean: dict[str, Values], packaged: Values, draws: int) -> None:
    codecs = sorted(set(clips.codec))
    print(f"{len(clips.label)} coded clips of {len(clean)} recordings")
    print(f"| clean music | SRCC with ViSQOL | {' | '.join(codecs)} | SRCC with the bitrate |")
    print("|---|" + "---|" * (len(codecs) + 2))
    drawn = np.array([figures(clips, ten(clips, clean, seed)) for seed in range(draws)])
    whole = np.array([np.mean([clean[o] for o in clean if o != name], axis=0) for name in clips.recording])
    for name, quality in (
        ("packaged", by_centre(clips, packaged)),
        ("all other recordings", by_centre(clips, whole)),
        ("condition only", condition_only(clips)),
    ):
        low, high = interval(srcc, clips.label, quality, clips.recording) or (float("nan"),) * 2
        first, *rest = figures(clips, quality)
        print(
            f"| {name} | {first:.3f} [{low:.3f}, {high:.3f}] | " + " | ".join(f"{value:.3f}" for value in rest) + " |"
        )
    cells = [f"{column.mean():.3f} ({column.min():.3f} to {column.max():.3f})" for column in drawn.T]
    print(f"| ten other recordings, {draws} draws | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, default=SHARED)
    parser.add_argument("--out", type=Path, default=Path("unreferenced-run"))
    parser.add_argument("--draws", type=int, default=30)
    parser.add_argument("--model", type=Path, help="model to judge in place of the packaged one")
    parser.add_argument("--jobs", type=int, default=cpu_count())
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    metric = deepaq.load(options.model)
    settings = Settings(clip_s=5.0, allow_lossy=True, jobs=options.jobs, quiet=True)
    if options.quick:
        options.music, options.draws = options.out / "music", 2
        for number in range(3):
            options.music.mkdir(parents=True, exist_ok=True)
            soundfile.write(options.music / f"{number}.flac", compose(5, 2.0, number), SAMPLE_RATE)
        settings = Settings(("mp3",), (32, 64, 128), 2.0, jobs=1, quiet=True)
    clips, clean = embedded(prepare(options.music, options.out / "data", settings), metric)
    report(clips, clean, metric.clean.centre, options.draws)


if __name__ == "__main__":
    main()
