"""CPU seconds per second of audio of every rater, and of aligning a pair, relative to ViSQOL in the same run.

    python -m tests.bench.raters [SECONDS [ROUNDS [RATER,RATER...]]]

Rates computed music, coded as mp3 at 64 kbps and prepared for each rater beforehand; a rating includes the work on the
reference. MERT and CLAP run with random weights and DeePAQ untrained, at the same cost. Raters whose packages are not
installed are left out.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from deepaq.audio import Samples, fit, read, resample, to_mono, to_stereo
from deepaq.audio.align import align
from deepaq.backbones.backbone import build
from deepaq.errors import UserError
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from labels.raters.rater import RATERS, rater
from manifests.dataset import Dataset
from manifests.jobs import cpu_seconds
from prep.synth import SAMPLE_RATE, compose
from prep.transcode import Settings, transcode

BASE = "visqol"


def pair(folder: Path, seconds: float) -> tuple[Samples, Samples, int]:
    """A reference and its degraded signal, (frames, 2), at one sample rate."""
    (folder / "music").mkdir()
    soundfile.write(folder / "music" / "a.flac", compose(0, seconds), SAMPLE_RATE)
    transcode([folder / "music"], folder / "data", Settings(("mp3",), (64,), clip_s=seconds, jobs=1, quiet=True))
    dataset = Dataset(folder / "data")
    (clean,), (coded,) = dataset.references().to_pylist(), dataset.degraded().to_pylist()
    first, second = (read(dataset.path(row["path"])) for row in (clean, coded))
    degraded = resample(second.samples, second.sample_rate, first.sample_rate)
    return first.samples, fit(degraded, first.frames), first.sample_rate


def ways(folder: Path, seconds: float, names: list[str]) -> dict[str, Callable[[], object]]:
    reference, degraded, rate = pair(folder, seconds)
    checkpoint.save(folder / "run", Checkpoint(build("compact").eval()))
    own = {"fad": {"weights": "random"}, "fad-clap": {"weights": "random"}, "deepaq-fr": {"model": str(folder / "run")}}
    own["deepaq-nmr"] = {"model": str(folder / "run"), "references": str(folder / "music")}
    found: dict[str, Callable[[], object]] = {"(alignment)": lambda: align(reference, degraded, rate)}
    for name in names:
        try:
            judge = rater(name, **own.get(name, {}))
        except UserError as error:
            print(f"left out: {error}")
            continue
        mix = to_mono if judge.channels == 1 else to_stereo
        left, right = (resample(mix(samples), rate, judge.sample_rate) for samples in (reference, degraded))
        found[name] = lambda judge=judge, left=left, right=right: judge.judge(left)(right)
    return found


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    names = sys.argv[3].split(",") if len(sys.argv) > 3 else list(RATERS)
    names = [BASE, *(name for name in names if name != BASE)]
    spent: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        work = ways(Path(name), seconds, names)
        for function in work.values():
            function()  # loading and compiling are not counted
        for _ in range(rounds):
            for way, function in work.items():
                before = cpu_seconds()
                function()
                spent.setdefault(way, []).append((cpu_seconds() - before) / seconds)
    print(f"{seconds:g} s of music, {rounds} rounds, CPU s per s of audio and ratio to {BASE}: median [least, most]")
    for way, values in sorted(spent.items(), key=lambda item: statistics.median(item[1])):
        ratios = [value / base for value, base in zip(values, spent[BASE], strict=True)]
        print(f"{way:<14} {_spread(values, 4)}   {_spread(ratios, 3)}")


def _spread(values: list[float], digits: int) -> str:
    return f"{np.median(values):.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


if __name__ == "__main__":
    main()
