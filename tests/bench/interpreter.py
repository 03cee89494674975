"""Resolve the pinned requirements of deepaq for another version of Python, or score in an environment of another.

    python -m tests.bench.interpreter [VERSION]
    python -m tests.bench.interpreter --run PYTHON...

VERSION is 3.14 by default; only wheels count, and nothing is installed. --run: install deepaq, without extras, with the
newest releases of what it requires, for each interpreter, and compare its scores of an MP3 file with those made here.
Three packages are resolved without their requirements: visqol-python, because
libsvm-official has no wheels for any version and is compiled; torch and peft, because they bring gigabytes of CUDA.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile
from packaging.requirements import Requirement

from tests.sounds import music

ROOT = Path(__file__).parents[2]
ALONE = ("visqol-python", "torch", "peft")  # without their requirements


def requirements(version: str) -> list[Requirement]:
    """What deepaq with the extra `all` requires under that version of Python."""
    script = [sys.executable, "docker/requirements.py", "all"]
    lines = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    found = map(Requirement, lines)
    return [entry for entry in found if entry.marker is None or entry.marker.evaluate({"python_version": version})]


def resolved(version: str, *wanted: str) -> list[str]:
    """Names and versions of the wheels that pip would install; CalledProcessError if there are none that fit."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--target", folder,
             "--python-version", version, "--only-binary=:all:", "--report", str(report),
             # pip compares requires-python with the Python that it runs on; the tags of the wheels decide.
             "--ignore-requires-python", "--constraint", str(ROOT / "constraints.txt"), *wanted],
            check=True,
        )  # fmt: skip
        installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    return sorted(f"{entry['metadata']['name']}=={entry['metadata']['version']}" for entry in installs)


def scores(program: Path | str, folder: Path) -> list[float]:
    """MOS of the pair in the folder, by both packaged metrics."""
    found = []
    for model in ([], ["--model", "compact-2026a"]):
        line = [str(program), "score", str(folder / "a.flac"), str(folder / "a.mp3"), "--json", *model]
        found += [row["mos"] for row in json.loads(subprocess.run(line, capture_output=True, check=True).stdout)]
    return found


def run(pythons: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound = music(10, 1, 48_000)
        for suffix in ("flac", "mp3"):
            soundfile.write(folder / f"a.{suffix}", sound, 48_000)
        here = scores("deepaq", folder)
        for index, python in enumerate(pythons):
            made = folder / str(index)
            subprocess.run([python, "-m", "venv", "--without-pip", str(made)], check=True)
            pip = [sys.executable, "-m", "pip", "--python", str(made / "bin" / "python")]
            subprocess.run([*pip, "install", "--quiet", str(ROOT)], check=True)
            version = subprocess.run([made / "bin" / "python", "--version"], capture_output=True, text=True, check=True)
            there = scores(made / "bin" / "deepaq", folder)
            apart = max(abs(a - b) for a, b in zip(here, there, strict=True))
            print(f"{version.stdout.strip()}: MOS {there}, largest difference {apart:.1e}")


def main() -> None:
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2:])
        return
    version = sys.argv[1] if len(sys.argv) > 1 else "3.14"
    wanted = {entry.name: f"{entry.name}{entry.specifier}" for entry in requirements(version)}
    alone = resolved(version, "--no-deps", *map(wanted.pop, ALONE))
    found = [*alone, *resolved(version, *wanted.values(), "numba")]  # numba: what its [accel] adds
    print("\n".join(found))
    print(f"{len(found)} wheels for Python {version}")


if __name__ == "__main__":
    main()
