"""Time and memory from a data set's tables to the first batch, at the sizes of a laboratory.

    python -m tests.bench.startup [--rows 172000,343000,687000] [--json]

Tables of that many files are simulated: clips of 10 s, each clean and in 21 conditions, with labels over time.
Measured, in a process of its own for every size, are loading the joined table, choosing what is held out, the sampler,
and drawing a hundred batches, in CPU seconds and peak memory. The growth is the time per row against that of the
smallest size, 1 if it is linear.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

KBPS = (16, 32, 48, 64, 80, 96, 128)
CODECS = ("aac", "mp3", "opus")
PER_CLIP = 1 + len(KBPS) * len(CODECS)
CLIPS_PER_TRACK, CLIP_S, RATE = 20, 10, 44_100


def simulate(folder: Path, rows: int, clip_s: int = CLIP_S, made: Callable[[Path], str] | None = None) -> int:
    """Write the tables of a data set of about `rows` files, `clip_s` seconds each, and return how many they are.

    made: writes a file and returns its checksum; by default there are none.
    """
    from manifests.fragment import write_table
    from manifests.ids import joined_id
    from manifests.schema import DEGRADED, LABELS, REFERENCES

    checksum = made or (lambda path: joined_id("sha", path.name) * 2)
    rng = np.random.default_rng(0)
    clips = max(2 * CLIPS_PER_TRACK, rows // PER_CLIP)
    ids = [joined_id("clip", str(number)) for number in range(clips)]
    tracks = [joined_id("track", str(number // CLIPS_PER_TRACK)) for number in range(clips)]
    references = {
        "reference_id": ids,
        "track_id": tracks,
        "split": ["valid" if number // CLIPS_PER_TRACK % 10 == 0 else "train" for number in range(clips)],
        "path": [f"audio/references/{name[:2]}/{name}.flac" for name in ids],
        "track_path": [f"/music/{name}.flac" for name in tracks],
        "frames": [clip_s * RATE] * clips,
        "sample_rate": [RATE] * clips,
        "sha256": [checksum(folder / f"audio/references/{name[:2]}/{name}.flac") for name in ids],
        "status": ["ok"] * clips,
    }
    conditions = [(codec, kbps) for codec in CODECS for kbps in KBPS]
    names = [joined_id(name, codec, str(kbps)) for name in ids for codec, kbps in conditions]
    count = len(names)
    degraded = {
        "degraded_id": names,
        "reference_id": [name for name in ids for _ in conditions],
        "condition_id": [f"{codec}{kbps}" for codec, kbps in conditions] * clips,
        "condition": [f"{codec}-{kbps:03d}" for codec, kbps in conditions] * clips,
        "codec": [codec for codec, _ in conditions] * clips,
        "bitrate_kbps": [float(kbps) for _, kbps in conditions] * clips,
        "path": [f"audio/degraded/{name[:2]}/{name}.flac" for name in names],
        "sha256": [checksum(folder / f"audio/degraded/{name[:2]}/{name}.flac") for name in names],
        "status": ["ok"] * count,
    }
    extras = [("timeline_start_s", 0.0), ("timeline_hop_s", 0.5), ("timeline_window_s", 1.0), ("nsim", 0.9)]
    labels = {
        "degraded_id": names,
        "rater": ["visqol"] * count,
        "value": rng.uniform(1.5, 4.7, count),
        "scale": ["MOS-LQO"] * count,
        "extras": [extras] * count,
        "timeline": list(rng.uniform(1, 4.7, (count, 19)).astype(np.float32)),
        "status": ["ok"] * count,
    }
    footer = {"schema_version": 1, "settings": {"identity": 4.732}}
    tables = ((REFERENCES, references, ""), (DEGRADED, degraded, ""), (LABELS, labels, "rater=visqol"))
    for spec, columns, below in tables:
        length = len(columns["status"])
        arrays = [
            pa.array(columns[entry.name], entry.type) if entry.name in columns else pa.nulls(length, entry.type)
            for entry in spec.schema
        ]
        write_table(folder / spec.name / below, pa.Table.from_arrays(arrays, schema=spec.schema), footer)
    return clips + count


def measure(folder: Path) -> dict[str, float]:
    """Return CPU seconds of every stage, their sum, and the peak memory in GiB."""
    import torch

    from deepaq.backbones.mert import Mert
    from manifests.dataset import Dataset
    from training import recipe
    from training.data.cache import Cache, Form
    from training.data.store import Store
    from training.data.table import load
    from training.loop import evaluate
    from training.loop.sampler import Sampler

    settings = recipe.load("deepaq")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found: dict[str, float] = {}

    def timed(name: str, function: Callable[[], object]) -> object:
        begun = time.process_time()
        result = function()
        found[name] = time.process_time() - begun
        return result

    rows = timed("table", lambda: load(Dataset(folder), settings.data))
    held = timed("held out", lambda: evaluate.held_out(rows, settings.evaluation))
    form = Form(Mert.sample_rate)
    cache = timed("cache", lambda: Cache.of(rows, form, folder / "cache"))
    training = timed("training rows", lambda: Store(rows, cache, Mert.front_rate).part(~rows.valid))
    timed("evaluated rows", lambda: rows.take(held.either).by_clip())
    Store.audible = lambda *_: True  # type: ignore[method-assign]  # nothing is decoded here
    sampler = timed("sampler", lambda: Sampler(training, settings.data, 4 * Mert.sample_rate, 0))
    timed("100 batches", lambda: [sampler.draw(step) for step in range(100)])
    torch.manual_seed(0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**found, "total": sum(found.values()), "GiB": peak / 2**20, "GiB for rows": (peak - before) / 2**20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="172000,343000,687000", help="Sizes, comma-separated.")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    found = []
    for size in map(int, options.rows.split(",")):
        with tempfile.TemporaryDirectory() as name:
            rows = simulate(Path(name), size)
            command = [sys.executable, "-m", "tests.bench.startup", "--measure", name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found.append({"rows": rows, **json.loads(done.stdout)})
    for entry in found:
        entry["growth"] = entry["total"] / found[0]["total"] / (entry["rows"] / found[0]["rows"])
    if options.json:
        print(json.dumps(found))
        return
    print("".join(f"{name:>16}" for name in found[0]))
    for entry in found:
        print("".join(f"{value:>16.2f}" if isinstance(value, float) else f"{value:>16}" for value in entry.values()))


if __name__ == "__main__":
    main()
