"""CPU seconds for 21 verified conditions, relative to the encoders alone, with decoding, and to one process per file.

    python -m tests.bench.transcode [MUSIC_FOLDER] [ROUNDS] [--quick]

Without a folder it computes two minutes of music. Every round measures all ways one after another. Prints medians and
spreads of the ratios within rounds, which suffer least from a noisy machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from deepaq.audio import read
from manifests.dataset import Dataset
from manifests.jobs import cpu_seconds
from prep.coding import ffmpeg
from prep.coding.codecs import codings
from prep.coding.coding import Coding
from prep.coding.encode import encode
from prep.degraded.degrade import Degrade, Work
from prep.transcode import Settings, transcode


def clips(folder: Path, music: Path | None, quick: bool) -> tuple[Dataset, list[Work], float]:
    """A data set with reference clips only, the work on it and its seconds of music."""
    if music is None:
        from prep.synth import write_tracks

        music = folder / "music"
        write_tracks(music, minutes=0.1 if quick else 2, seed=0, jobs=1)
    transcode([music], folder / "data", Settings(("opus",), (64,), quiet=True))
    dataset = Dataset(folder / "data")
    rows = [row for row in dataset.references().to_pylist() if row["status"] == "ok"]
    seconds = sum(row["frames"] / row["sample_rate"] for row in rows)
    return dataset, [Work(row["reference_id"], row["path"], row["sha256"], conditions(quick)) for row in rows], seconds


def conditions(quick: bool) -> tuple[Coding, ...]:
    return tuple(codings(("opus", "mp3"), (64,)) if quick else codings())


def measured(function: Callable[[], None]) -> float:
    before = cpu_seconds()
    function()
    return cpu_seconds() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, nargs="?")
    parser.add_argument("rounds", type=int, nargs="?", default=3)
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset, work, seconds = clips(folder, options.music, options.quick)

        def outputs(item: Work) -> dict[Coding, Path]:
            return {c: folder / f"out{c.suffix.replace('.', '-' + c.name + '.')}" for c in item.conditions}

        def encoders_alone() -> None:
            for item in work:
                assert ffmpeg.run(["-y", *ffmpeg.arguments(dataset.path(item.path), outputs(item))], 600) is None

        def encoded_and_decoded() -> None:
            for item in work:
                assert ffmpeg.run(["-y", *ffmpeg.arguments(dataset.path(item.path), outputs(item))], 600) is None
                for path in outputs(item).values():
                    read(path)

        def verified() -> None:
            Degrade(dataset.root, conditions(options.quick))(work)

        def one_process_per_file() -> None:
            for item in work:
                clip = dataset.path(item.path)
                for condition in item.conditions:
                    with tempfile.TemporaryDirectory(dir=folder) as scratch:
                        (made,) = encode(clip, [condition], Path(scratch), 60).values()
                        assert not isinstance(made, str)
                        decoded = Path(scratch) / "decoded.wav"
                        back = ["-i", str(made.path), "-c:a", "pcm_f32le", "-ar", "44100", str(decoded)]
                        error = ffmpeg.run(back, 600)
                        assert error is None, error
                        read(decoded)

        ways = {"encoders alone": encoders_alone, "encoded and decoded": encoded_and_decoded, "verified": verified}
        ways["one process per file"] = one_process_per_file
        spent: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, function in ways.items():
                spent[way].append(measured(function))
    print(f"{len(work)} clips, {seconds:.0f} s of music, 21 versions each, {rounds} rounds")
    for way, values in spent.items():
        rates = sorted(value / seconds for value in values)
        print(f"{way:<22} {statistics.median(rates):.4f} CPU s per s of music  [{rates[0]:.4f}, {rates[-1]:.4f}]")
    for over, under in (
        ("verified", "encoders alone"),
        ("encoded and decoded", "encoders alone"),
        ("one process per file", "verified"),
    ):
        ratios = sorted(a / b for a, b in zip(spent[over], spent[under], strict=True))
        print(f"{over} / {under}: {statistics.median(ratios):.3f}  [{ratios[0]:.3f}, {ratios[-1]:.3f}]")


if __name__ == "__main__":
    main()
