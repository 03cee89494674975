"""Every measurement of docs/performance.md, one after another on an idle machine.

    python -m tests.bench.performance MUSIC [--only TEXT]... [--dry-run]

Runs the commands of the table, each once, with the folder MUSIC and with files that it makes for them, and prints what
each printed, its time, processor time and peak memory. --only: rows that contain the text. Ends with 1 if a command
failed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from tests.sounds import music

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"
PROGRAMS = ("python", "prep", "deepaq")  # `make docker-test` needs tools of its own
FILES = {"reference.flac": 10, "degraded.mp3": 10, "degraded.flac": 10, "hour.flac": 3600, "hour.mp3": 3600}  # s
RATE, LONGEST_S = 44_100, 60  # Hz; longest music to compute


def rows() -> list[tuple[str, str]]:
    """(what is measured, command) for every command of the table, in its order."""
    found: dict[str, str] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        for command in re.findall(r"`([^`]+)`", cells[-1]) if line.startswith("| ") else ():
            if Path(command.split()[0]).name.rstrip("3") in PROGRAMS:
                found.setdefault(command, cells[0])
    return [(what, command) for command, what in found.items()]


def write(path: Path, seconds: int) -> None:
    """Write computed music, repeated to that length, in the format of the suffix; a degraded file holds noise, too."""
    sound = music(min(seconds, LONGEST_S), 1, RATE)
    if path.stem == "degraded":
        sound = sound + 0.001 * np.random.default_rng(0).standard_normal(sound.shape, np.float32)
    # Block by block: the peak memory of a command would include that of this process.
    with soundfile.SoundFile(path, "w", RATE, sound.shape[1]) as file:
        for _ in range(max(1, seconds // LONGEST_S)):
            file.write(sound)


def filled(command: str, names: dict[str, str]) -> str:
    """The command with its placeholders replaced."""
    for name, value in names.items():
        command = re.sub(rf"(?<![\w./-]){re.escape(name)}(?![\w-])", value, command)
    return command


def measured(line: str) -> int:
    """Run a command line, print what it cost, and return its exit code."""
    began = time.monotonic()
    process = subprocess.Popen(["bash", "-c", line], cwd=ROOT, stderr=subprocess.STDOUT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cost = f"{time.monotonic() - began:.2f} s, {used.ru_utime + used.ru_stime:.2f} CPU s, {used.ru_maxrss >> 10} MiB"
    print(f"[exit {process.returncode}, {cost}]", flush=True)
    return process.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("music", type=Path)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    chosen = [row for row in rows() if not options.only or any(text in " ".join(row) for text in options.only)]
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = {"MUSIC": str(options.music.resolve()), "DATA": str(folder / "data"), "env": str(folder / "env"),
                 "PYTHON...": sys.executable}  # fmt: skip
        names |= {key: str(folder / key) for key in FILES}
        for what, command in chosen:
            line = filled(command, names)
            print(f"\n## {what}\n$ {command}", flush=True)
            if options.dry_run:
                continue
            for key in FILES:
                if names[key] in line and not (folder / key).exists():
                    write(folder / key, FILES[key])
            failed += measured(line) != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
