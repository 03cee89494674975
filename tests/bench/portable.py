"""MOS of the packaged metric as an ONNX file against MOS of `deepaq.load()`, on coded music.

    python -m tests.bench.portable [MUSIC_FOLDER] [--quick]

Every file is coded by mp3, Opus and AAC at a bitrate each, decoded, aligned and cut to 10 s. Prints the largest and the
median difference in MOS over the pairs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime

import deepaq
from deepaq.audio import Samples, read, resample, to_mid_side
from deepaq.audio.align import align
from prep.coding import ffmpeg
from training.results.onnx import export

RATE, SECONDS = 48_000, 10
CODERS = {"mp3": ("libmp3lame", (32, 64, 128)), "opus": ("libopus", (16, 48, 96)), "m4a": ("aac", (24, 64, 160))}


def pairs(music: list[Path], place: Path) -> Iterator[tuple[str, Samples, Samples]]:
    """Yield a name and the aligned signals, (frames, channels), whole."""
    for number, path in enumerate(music):
        audio = read(path)
        clean = resample(audio.samples, audio.sample_rate, RATE)
        for suffix, (encoder, bitrates) in CODERS.items():
            kbps = bitrates[number % len(bitrates)]
            coded = place / f"coded.{suffix}"
            problem = ffmpeg.run(["-y", "-i", str(path), "-c:a", encoder, "-b:a", f"{kbps}k", str(coded)], 120)
            assert problem is None, problem
            decoded = read(coded)
            found = align(clean, resample(decoded.samples, decoded.sample_rate, RATE), RATE, quick=True)
            yield f"{path.stem} {suffix} {kbps}", found.reference, found.degraded


def mos(session: onnxruntime.InferenceSession, reference: Samples, degraded: Samples) -> float:
    signals = {"reference": reference, "degraded": degraded}
    given = {name: to_mid_side(samples).T[None] for name, samples in signals.items()}
    return float(session.run(["mos"], given | {"gains": np.zeros((1, 2), np.float32)})[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, nargs="?")
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    metric = deepaq.load()
    with tempfile.TemporaryDirectory() as name:
        music = options.music or Path(name) / "music"
        if options.music is None:
            from prep.synth import write_tracks

            write_tracks(music, minutes=0.1 if options.quick else 2, seed=0, jobs=1)
        session = onnxruntime.InferenceSession(export(Path("packaged"), Path(name) / "portable") / "core.onnx")
        apart = []
        files = sorted(path for path in music.rglob("*") if path.suffix in (".flac", ".wav"))
        for label, *pair in pairs(files[:1] if options.quick else files, Path(name)):
            signals = [signal[: SECONDS * RATE] for signal in pair]
            wanted = metric.score(*signals, sample_rate=RATE).mos
            apart.append(abs(mos(session, *signals) - wanted))
            print(f"{label:<50}{wanted:>6.2f}{apart[-1]:>12.1e}")
    print(f"{len(apart)} pairs: largest difference {max(apart):.1e} MOS, median {np.median(apart):.1e}")


if __name__ == "__main__":
    main()
