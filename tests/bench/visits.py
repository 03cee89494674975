"""How often a reader who follows a command through the code changes files.

    python -m tests.bench.visits [--quick] [--list COMMAND]

Runs four ways through the product on two seconds of computed music: `deepaq score`, `prep transcode`, `labels rate` and
`training fit`. At the first call of every function of the product, a reader goes to its file. A visit is a change from
one file to another; a return is a visit to a file that was visited before. Calls again are not counted, for they were
read the first time; neither are the bodies of modules and classes, nor lambdas and comprehensions, which are read with
the function that they stand in. --list prints the visits of one command, in
order, with the functions that are read during each. --quick leaves out `labels rate` and `training fit`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
PACKAGES = ("deepaq", "manifests", "prep", "labels", "training")
SMALL = ("backbone.width=16", "backbone.blocks=1", "data.segment_s=1.0", "data.clips=2", "data.versions=4",
         "max_steps=2", "data.fold=1/2")  # fmt: skip


class Reader:
    """Visits of files, each with the functions that are read during it."""

    def __init__(self) -> None:
        self.visits: list[tuple[str, list[str]]] = []
        self._known: set[CodeType] = set()

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event != "call" or code in self._known or not code.co_flags & CO_OPTIMIZED or code.co_name[0] == "<":
            return
        self._known.add(code)
        path = Path(code.co_filename)
        if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] not in PACKAGES:
            return
        name = str(path.relative_to(ROOT))
        if not self.visits or self.visits[-1][0] != name:
            self.visits.append((name, []))
        self.visits[-1][1].append(code.co_name)

    @property
    def returns(self) -> int:
        return len(self.visits) - len({name for name, _ in self.visits})


def read(call: Callable[[], object]) -> Reader:
    """Follow a call."""
    reader = Reader()
    sys.settrace(reader)
    try:
        call()
    finally:
        sys.settrace(None)
    return reader


def command(line: str) -> Callable[[], object]:
    """A command line, to be called in this process; AssertionError unless it succeeds."""
    program, *arguments = line.split()
    from importlib import import_module

    main = import_module(f"{program}.cli").main

    def call() -> None:
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, (line, done.output, done.exception)

    return call


def lines(folder: Path, quick: bool) -> dict[str, str]:
    """Name -> the command line that is followed, in the order in which they must run."""
    from deepaq.testing import music
    from tests.sounds import write

    for seed in range(4):
        write(folder / "music" / f"{seed}.wav", music(2, seed))
    data, made = folder / "data", "--clip 2 --codecs mp3 --bitrates 32,96 --jobs 1 -q"
    found = {
        "deepaq score": f"deepaq score {folder / 'music' / '0.wav'} {folder / 'music' / '1.wav'}",
        "prep transcode": f"prep transcode {folder / 'music'} --out {data} {made}",
    }
    if not quick:
        options = " ".join(f"-o {option}" for option in SMALL)
        found["labels rate"] = f"labels rate {data} --rater visqol --jobs 1 -q"
        found["training fit"] = f"training fit {data} --out {folder / 'run'} -q {options}"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, line in lines(Path(folder), options.quick).items():
            reader = read(command(line))
            files = len({path for path, _ in reader.visits})
            print(f"{name:15} {files:4} files {len(reader.visits):4} visits {reader.returns:4} returns")
            if name == options.list:
                for path, functions in reader.visits:
                    print(f"    {path}: {', '.join(functions)}")


if __name__ == "__main__":
    main()
