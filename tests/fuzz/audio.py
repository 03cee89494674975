"""Mutate audio files of every container and codec and read them: each must be read or refused with a clear line.

    python -m tests.fuzz.audio [--rounds 300 | --seconds 600] [--seed 1]

Printed are the counts of both outcomes, the slowest file and the peak memory; anything else ends with a traceback, and
the file that caused it is kept.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from deepaq.audio import blocks
from deepaq.audio.decode import probe
from deepaq.errors import UserError
from tests.deepaq.scoring.test_formats import CASES
from tests.fuzz.memory import peak_mib
from tests.fuzz.parquet import bytes_changed
from tests.sounds import music, write

SECONDS = 0.5


def sound_files(folder: Path) -> list[Path]:
    """Code half a second of music in every form."""
    clean = write(folder / "clean.wav", music(SECONDS, 1, 48_000), 48_000)
    files = []
    for number, (container, codec) in enumerate(CASES):
        path = folder / f"{number:02}-{container}"
        command = [get_ffmpeg_exe(), "-loglevel", "error", "-i", clean, "-c:a", *codec.split(), "-f", container, path]
        subprocess.run(command, check=True)
        files.append(path)
    return files


def outcome(path: Path) -> str:
    """Return "read" or "refused"; raise what else happens. Sound for ten times the original's length is an error."""
    try:
        probe(path)
        seconds = 0.0
        for block in blocks(path):
            seconds += block.seconds
            if seconds > 4000:  # the time that gaps may claim, and some
                raise AssertionError(f"{path}: gives more than {seconds:.0f} s")
    except UserError as error:
        if "\n" in str(error) or str(path) not in str(error):
            raise AssertionError(f"no clear line: {error}") from None
        return "refused"
    return "read"


def fuzz(folder: Path, rounds: int, seed: int, seconds: float = float("inf")) -> tuple[Counter[str], float]:
    """Mutate `rounds` files, or as many as `seconds` allow; return the outcomes and the CPU seconds of the slowest."""
    rng, files, outcomes, slowest = random.Random(seed), sound_files(folder), Counter[str](), 0.0
    begun, path = time.monotonic(), folder / "mutated"
    for number in range(rounds):
        if time.monotonic() - begun > seconds:
            break
        path.write_bytes(files[number % len(files)].read_bytes())
        bytes_changed(path, rng)
        if not path.stat().st_size:
            continue
        before = time.process_time()
        outcomes[outcome(path)] += 1
        slowest = max(slowest, time.process_time() - before)
    return outcomes, slowest


def main() -> None:
    """Fuzz in a temporary folder, which is kept after a failure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="deepaq-fuzz-"))
    print(f"files in {folder}", flush=True)
    limit = float("inf") if options.rounds else options.seconds
    outcomes, slowest = fuzz(folder, options.rounds or 1 << 40, options.seed, limit)
    peak = peak_mib()
    print(f"{dict(outcomes)}, slowest {slowest:.2f} s CPU, peak memory {peak:.0f} MB")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


if __name__ == "__main__":
    main()
