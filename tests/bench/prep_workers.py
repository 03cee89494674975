"""Throughput of two workers relative to one, with one processor per worker.

    python -m tests.bench.prep_workers [MUSIC_FOLDER] [ROUNDS] [--quick]

Without a folder it computes four minutes of music. ffmpeg spreads the encoders of a clip over all processors that it
may use, so the run is restricted to as many processors as workers. Measures wall time: run it on an idle machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(music: Path, out: Path, workers: int, options: list[str]) -> float:
    """Wall time of a whole run on as many processors as workers."""
    processors = sorted(os.sched_getaffinity(0))[:workers]
    command = [sys.executable, "-c", "from prep.cli import main; main()", "transcode", str(music), "--out", str(out)]
    began = time.perf_counter()
    subprocess.run(
        [*command, *options, "--jobs", str(workers), "--quiet"],
        check=True,
        capture_output=True,
        preexec_fn=lambda: os.sched_setaffinity(0, processors),
    )
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, nargs="?")
    parser.add_argument("rounds", type=int, nargs="?", default=3)
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two processors are needed")
    with tempfile.TemporaryDirectory() as name:
        music = options.music or Path(name) / "music"
        if options.music is None:
            from prep.synth import write_tracks

            write_tracks(music, minutes=0.14 if options.quick else 4, seed=0, jobs=1)
        made = ["--codecs", "mp3", "--bitrates", "64", "--clip", "4"] if options.quick else []
        ratios = []
        for number in range(rounds):
            one, two = (seconds(music, Path(name) / f"{number}-{workers}", workers, made) for workers in (1, 2))
            ratios.append(one / two)
            print(f"round {number}: {one:.1f} s with one worker, {two:.1f} s with two, {one / two:.2f}x")
    print(f"two workers / one: {statistics.median(ratios):.2f}x  [{min(ratios):.2f}, {max(ratios):.2f}]")


if __name__ == "__main__":
    main()
