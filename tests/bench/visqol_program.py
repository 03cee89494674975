"""MOS of the ViSQOL engines minus that of Google's C++ program, on clips of music in many conditions.

    python -m tests.bench.visqol_program [--music MUSIC] [--work FOLDER] [--rater visqol-speech] [--python COMMAND]
    python -m tests.bench.visqol_program --published

COMMAND starts a Python (default: this one) that has speequal, the C++ program as a wheel (Linux, glibc 2.39). With an
older glibc, a newer one unpacked aside serves: --python "DIR/ld-linux-x86-64.so.2 --library-path DIR python3.12".
Without speequal nothing is compared. Clips last 3 s, each degraded in one or two of the conditions. A rerun reuses
the coded clips and the program's results in the work folder. The program takes about 1 CPU s per second of audio.
--published compares with the values that Google publishes for 13 pairs instead; needs DEEPAQ_SHARED.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deepaq.audio import Samples, fit, read, resample, to_mono
from labels.raters.rater import Rater, rater
from manifests.dataset import Dataset
from prep.transcode import Settings, transcode
from tests.shared import SHARED

ENGINES = ("exact", "fast", "shipped")
DISTORTIONS = (
    *("lowpass", "noise", "clipping", "quantisation", "dropouts", "packet-loss", "pre-echo", "spectral-holes"),
    *("musical-noise", "separation", "reverberation", "tandem", "pumping", "level-jumps", "vocoder"),
    *("vector-quantisation", "gap-extrapolation", "phase-dispersion", "rate-drift"),
)
MODES = {"visqol": "audio", "visqol-speech": "speech"}
CLOSE = 1e-6
PROGRAM = """
import json, sys
import numpy as np
from pathlib import Path
from speequal import visqol
folder, mode = Path(sys.argv[1]), sys.argv[2]
rate = {"audio": 48000, "speech": 16000}[mode]
for path in sorted(folder.glob("*.npz")):
    if not path.with_suffix(".json").exists():
        pair = np.load(path)
        found = visqol.measure(pair["reference"].astype(float), pair["degraded"].astype(float), mode=mode, fs=rate)
        path.with_suffix(".json").write_text(json.dumps({
            "mos": found.moslqo, "lag": round(found.alignment_lag_s * rate),
            "patches": [patch.similarity for patch in found.patch_sims],
        }))
"""


def pairs(dataset: Dataset, judge: Rater) -> Iterator[tuple[str, Samples, Samples]]:
    """Condition, reference and degraded signal of every degraded clip, (frames,) at the rater's rate."""

    def load(path: str) -> Samples:
        audio = read(dataset.path(path))
        return resample(to_mono(audio.samples), audio.sample_rate, judge.sample_rate)

    paths = {row["reference_id"]: row["path"] for row in dataset.references(["path"]).to_pylist()}
    rows = dataset.degraded(["reference_id", "condition", "path"]).to_pylist()
    for row in sorted(rows, key=lambda row: (row["reference_id"], row["condition"])):
        if row["status"] == "ok":
            reference = load(paths[row["reference_id"]])
            yield row["condition"], reference, fit(load(row["path"]), len(reference))


def rated_by_the_program(folder: Path, python: str, mode: str) -> None:
    subprocess.run([*shlex.split(python), "-c", PROGRAM, str(folder), mode], check=True)


def has_program(python: str) -> bool:
    """True if the C++ program can be called from this Python."""
    command = [*shlex.split(python), "-c", "from speequal.visqol import visqol_lib_py"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def table(found: dict[str, list[dict[str, float]]]) -> None:
    """Print the differences per family of conditions, and over all pairs."""
    print(f"{'MOS minus the C++ program':<28} pairs" + "".join(f"  {engine:>8} beyond {CLOSE:g}" for engine in ENGINES))
    everything = [row for rows in found.values() for row in rows]
    for name, rows in [*sorted(found.items()), ("all", everything)]:
        cells = []
        for engine in ENGINES:
            apart = np.abs([row[engine] for row in rows])
            cells.append(f"  {apart.max():8.1e} {np.count_nonzero(apart > CLOSE):12d}")
        print(f"{name:<28} {len(rows):5d}" + "".join(cells))


def published(shared: Path) -> None:
    """Print the differences on the pairs that Google publishes values for."""
    from tests.labels.raters.visqol.test_rater import PAIRS

    print("published MOS-LQO; exact minus published; fast minus shipped; shipped minus published")
    judge = {name: rater("visqol", engine=name) for name in ENGINES}
    for reference, degraded, mos in PAIRS:
        pair = []
        for name in (reference, degraded):
            audio = read(shared / "visqol_conformance" / f"{name}.flac")
            pair.append(resample(to_mono(audio.samples.astype(np.float64)), audio.sample_rate, 48_000))
        value = {name: one.judge(pair[0])(pair[1]).value for name, one in judge.items()}
        apart = (value["exact"] - mos, value["fast"] - value["shipped"], value["shipped"] - mos)
        print(f"  {degraded:<36} {mos:.9f}" + "".join(f" {difference:+.1e}" for difference in apart))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--rater", default="visqol", choices=list(MODES))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--published", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    if options.published:
        published(SHARED)
        return
    if not has_program(options.python):
        print(f"nothing compared: {options.python} cannot import speequal, the C++ program; see --help")
        return
    with tempfile.TemporaryDirectory() as scratch:
        compare(options.work or Path(scratch), options.music, options.rater, options.python, options.quick)


def compare(work: Path, music: Path | None, name: str, python: str, quick: bool) -> None:
    if music is None:
        from prep.synth import write_tracks

        music = work / "music"
        write_tracks(music, minutes=0.1 if quick else 5, seed=0, jobs=1)
    distortions = ",".join(f"{kind}-{severity}" for kind in DISTORTIONS for severity in (2, 4))
    settings = Settings(("opus", "mp3", "aac"), None, 3.0, distortions, per_clip=(1.1,), allow_lossy=True, quiet=True)
    transcode([music], work / "data", settings)
    judges = {engine: rater(name, engine=engine) for engine in ENGINES}
    folder = work / name
    folder.mkdir(exist_ok=True)
    items = list(pairs(Dataset(work / "data"), judges["exact"]))
    for index, (_, reference, degraded) in enumerate(items):
        np.savez(folder / f"{index:04d}.npz", reference=reference, degraded=degraded)
    rated_by_the_program(folder, python, MODES[name])
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for index, (condition, reference, degraded) in enumerate(items):
        mos = json.loads((folder / f"{index:04d}.json").read_text())["mos"]
        row = {engine: judge.judge(reference)(degraded).value - mos for engine, judge in judges.items()}
        found[condition.rpartition("-")[0]].append(row)
        if abs(row["exact"]) > CLOSE:
            print(f"{index:04d} {condition}: {mos:.6f}, exact {row['exact']:+.1e}", file=sys.stderr, flush=True)
    table(found)


if __name__ == "__main__":
    main()
