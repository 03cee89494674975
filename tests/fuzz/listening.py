"""Mutate the texts of listening tests and import them: each must become a sound data set or be refused in one line.

    python -m tests.fuzz.listening [--rounds 100 | --seconds 600] [--seed 1]

One text file (CSV, YAML, XML or HTML) of a small test in every format is changed: bytes, whole lines, or words that
readers stumble over. The test is imported and the data set read again. Printed are the counts of both outcomes;
anything else ends with a traceback, and so does a round that takes more than a minute.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from deepaq.errors import UserError
from labels.importing.stage import ImportSettings, import_test
from manifests.dataset import Dataset
from tests.labels.listening.listening_layouts import LAYOUTS

TEXTS = {".csv", ".yaml", ".xml", ".htm"}
MOST_S = 60.0
WORDS = (
    *("", "..", "../../etc/passwd", "/dev/zero", "a/b", "\0", "\x1b[2J", "x" * 5000, "é" * 200, "=1+1", "-", "\u202e"),
    *("nan", "inf", "-1e400", "1e308", "0x10", "1_0", "٣", "97,3", "on", "null", "~", "[", "]", "{", "}", "&a", "*a"),
    *('"', "'", ",", ";", "\t", "\r", "\n", "sep=;", "\ufeff", "<td>", "</table>", "<a href='#'>", "%00", "http://["),
)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content with bytes, lines or words changed."""
    match rng.randrange(4):
        case 0:
            changed = bytearray(content)
            for _ in range(rng.choice((1, 2, 8, 64))):
                place = rng.randrange(len(changed))
                changed[place] = rng.choice((0, 255, rng.randrange(256)))
            return bytes(changed)
        case 1:
            lines = content.splitlines(keepends=True)
            for _ in range(rng.choice((1, 3))):
                place = rng.randrange(len(lines))
                lines[place : place + rng.randrange(2)] = rng.choice(([], [lines[place]] * 3, [lines[place][::-1]]))
                if not lines:
                    return b""
            return b"".join(lines)
        case 2:
            words = content.split(b",") if b"," in content else content.split(b" ")
            for _ in range(rng.choice((1, 2, 8))):
                words[rng.randrange(len(words))] = rng.choice(WORDS).encode("utf-8", "surrogatepass")
            return (b"," if b"," in content else b" ").join(words)
        case _:
            place = rng.randrange(len(content))
            return content[:place] + rng.choice(WORDS).encode() * rng.choice((1, 1, 50)) + content[place:]


def outcome(name: str, source: Path, out: Path) -> str:
    """Import the test and read what has become of it."""
    try:
        import_test(name, source, out, ImportSettings(jobs=1, quiet=True))
    except UserError:
        return "refused"
    if out.exists():
        dataset = Dataset(out)
        for table in (dataset.references(), dataset.degraded(), dataset.labels()):
            table.validate(full=True)
    return "imported"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seconds", type=float, help="run so long instead of a number of rounds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tests = {name: build(Path(folder) / name) for name, build in LAYOUTS.items()}
        while time.monotonic() - began < options.seconds if options.seconds else sum(counts.values()) < options.rounds:
            number = sum(counts.values())
            rng = random.Random(f"{options.seed}-{number}")
            name = rng.choice(sorted(tests))
            root = Path(folder) / name
            path = rng.choice(sorted(file for file in root.rglob("*") if file.suffix in TEXTS))
            whole = path.read_bytes()
            path.write_bytes(mutated(whole, rng))
            out = Path(folder) / "out"
            shutil.rmtree(out, ignore_errors=True)
            started = time.monotonic()
            try:
                counts[outcome(name, tests[name], out)] += 1
                assert time.monotonic() - started < MOST_S, "took too long"
            except BaseException:
                print(f"seed {options.seed}, round {number}: {name}, {path.name}", file=sys.stderr)
                raise
            finally:
                path.write_bytes(whole)
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
