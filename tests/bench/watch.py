"""Cost and memory of `deepaq watch` on a long stream.

    python -m tests.bench.watch [MINUTES] [--quick]

Feeds MINUTES (60) of computed stereo at 48 kHz, as 16-bit WAV of unknown length, through pipes as fast as they are
read: without a reference, and with one beside a stream that is 130 ms late and slightly noisy. Prints seconds of audio
per CPU second of the whole process, decoding and start included, and its largest resident memory, 0 where there is
no /proc.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Thread

import numpy as np

from deepaq.audio import Samples, resample
from prep.synth import SAMPLE_RATE, compose

RATE, PART_S = 48_000, 60.0
ROOT = Path(__file__).parents[2]
# The child's own peak: that of `wait4` includes the memory of the process that started it.
CODE = """
import os, sys
from deepaq.cli import main
try:
    main()
finally:
    status = open("/proc/self/status") if os.path.exists("/proc/self/status") else ["VmHWM: 0"]
    print([line.split()[1] for line in status if line.startswith("VmHWM")][0], file=sys.stderr)
"""


def header(rate: int = RATE, channels: int = 2) -> bytes:
    """The header of a WAV stream of 16 bits and unknown length."""
    form = b"".join(
        value.to_bytes(size, "little")
        for value, size in ((1, 2), (channels, 2), (rate, 4), (rate * channels * 2, 4), (channels * 2, 2), (16, 2))
    )
    unknown = b"\xff\xff\xff\xff"
    return b"RIFF" + unknown + b"WAVEfmt " + (16).to_bytes(4, "little") + form + b"data" + unknown


def feed(path: Path, samples: Samples, minutes: float, late: int = 0) -> None:
    """Write a part over and over into a pipe."""
    part = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    left = round(minutes * 60 * RATE) * 4
    with path.open("wb") as file:
        file.write(header() + bytes(4 * late))
        while left > 0:
            file.write(part[:left])
            left -= len(part)


def measure(arguments: list[str]) -> tuple[float, float]:
    """CPU seconds and MB of a watch."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CODE, "watch", *arguments]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment)
        assert process.stdout is not None
        lines = len(process.stdout.read().splitlines())
        _, status, usage = os.wait4(process.pid, 0)
        errors.seek(0)
        said = errors.read().decode().splitlines()
    if status or not lines:
        sys.exit(f"error: the watch ended with status {status} after {lines} lines: {said}")
    return usage.ru_utime + usage.ru_stime, int(said[-1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", nargs="?", type=float, default=60.0)
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    minutes, part_s = (0.1, 3.0) if options.quick else (options.minutes, PART_S)
    clean = resample(compose(5, part_s), SAMPLE_RATE, RATE)
    noisy = (clean + 0.003 * np.random.default_rng(0).standard_normal(clean.shape)).astype(np.float32)
    with tempfile.TemporaryDirectory() as name:
        for title, with_reference in (("without a reference", False), ("with a reference", True)):
            ours, theirs = (Path(name) / f"{with_reference}-{kind}" for kind in ("clean", "degraded"))
            os.mkfifo(ours), os.mkfifo(theirs)
            work = [Thread(target=feed, args=(theirs, noisy, minutes, 6240), daemon=True)]
            arguments = [str(theirs), "--no-reference"]
            if with_reference:
                work.append(Thread(target=feed, args=(ours, clean, minutes), daemon=True))
                arguments = [str(theirs), "--reference", str(ours)]
            for thread in work:
                thread.start()
            cpu_s, size = measure(arguments)
            print(f"{title}: {60 * minutes / cpu_s:.0f} times real time on one core, {size:.0f} MB")


if __name__ == "__main__":
    main()
