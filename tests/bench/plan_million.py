"""Seconds and memory needed to plan what remains of 1,000,000 degraded rows.

    python -m tests.bench.plan_million [ROWS]

Simulates the tables with as many fragments as a real run writes (16 clips each) and half of the last fragment missing.
Measures, in a fresh process, reading the tables and planning the remaining work; then again after `manifests compact`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from manifests import ids, schema
from manifests.compact import compact
from manifests.dataset import Dataset
from manifests.fragment import write_table
from manifests.provenance import provenance
from prep.coding.codecs import codings
from prep.degraded.degrade import degraded_id
from prep.degraded.remaining import existing, wanted
from prep.settings import Settings

CLIPS_PER_FRAGMENT = 16


def simulate(root: Path, rows: int) -> None:
    """Write references and all but a few of `rows` degraded rows."""
    dataset = Dataset(root, create=True)
    conditions = codings()
    settings = {condition.name: condition.settings() for condition in conditions}
    footer = provenance("simulation", {"conditions": settings}, {})
    clips = [ids.joined_id(str(number)) for number in range(rows // len(conditions))]
    write_table(dataset.folder(schema.REFERENCES), pa.Table.from_pylist([
        {"reference_id": name, "track_id": ids.joined_id(name), "split": "train", "track_path": "a.wav", "clip_s": 10.0,
         "path": f"audio/references/{name[:2]}/{name}.flac", "frames": 441_000, "status": schema.OK} for name in clips
    ], schema=schema.REFERENCES.schema), footer)  # fmt: skip
    for start in range(0, len(clips), CLIPS_PER_FRAGMENT):
        part = clips[start : start + CLIPS_PER_FRAGMENT]
        if start + CLIPS_PER_FRAGMENT >= len(clips):
            part = part[: len(part) // 2]
        table = pa.Table.from_pylist(
            [
                {"degraded_id": degraded_id(name, c), "reference_id": name, "condition_id": c.id, "condition": c.name,
                 **c.columns(), "path": f"audio/degraded/{c.name}/{name}", "bytes": 20_000, "sha256": 64 * "0",
                 "actual_kbps": 33.3, "lag_samples": 0, "correlation": 0.99, "peak": 0.9, "status": schema.OK}
                for name in part for c in conditions
            ],
            schema=schema.DEGRADED.schema,
        )  # fmt: skip
        write_table(dataset.folder(schema.DEGRADED), table, footer)


def peak_mib() -> float:
    """Peak memory of this process alone; `ru_maxrss` would include the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def measure(root: Path) -> dict[str, float]:
    """Plan what remains, as `prep transcode` does once the music is known."""
    began, cpu = time.perf_counter(), time.process_time()
    dataset = Dataset(root)
    want = wanted(dataset.references(["split", "path", "sha256"]), codings(), Settings())
    work = list(want.work(existing(dataset, want).done(retry_failed=False)))
    return {
        "rows": int(want.mask.size),
        "clips_left": len(work),
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": peak_mib(),
    }


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(Path(sys.argv[2]))))
        return
    if sys.argv[1:2] == ["--compact"]:
        cpu = time.process_time()
        counts = compact(Dataset(sys.argv[2]))
        print(f"{counts}, cpu_seconds {time.process_time() - cpu:.1f}, peak_mib {peak_mib():.1f}")
        return
    with tempfile.TemporaryDirectory() as name:
        simulate(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
        for state in ("as written", "compacted"):
            fragments = len(list(Path(name).rglob("*.parquet")))
            command = [sys.executable, "-m", "tests.bench.plan_million", "--measure", name]
            found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            print(f"{state}: {fragments} fragments, " + ", ".join(f"{k} {v:.1f}" for k, v in found.items()))
            if state == "as written":
                command = [sys.executable, "-m", "tests.bench.plan_million", "--compact", name]
                print("compact:", subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


if __name__ == "__main__":
    main()
