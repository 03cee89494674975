"""CPU seconds of labelling with ViSQOL relative to visqol-python as shipped, and the difference in MOS.

The engine `exact` gives the values of Google's C++ program (see visqol_program.py), `fast` those of the package.

    python -m tests.bench.visqol [--music FOLDER] [--work FOLDER] [--rounds 5] [--all] [--only PART]...

Without music it computes some. A rerun reuses the coded clips of the work folder, which is temporary by default. Parts:
throughput   `exact` and the package in one thread, a clip per round: 10 s in 21 conditions and in one, 30 s in 8.
job          `labels visqol` with decoding and checksums, against decoding and engine alone; the paper's 366 h.
workers      wall time with two worker processes and with one; needs an idle machine.
memory       peak resident memory of a worker, 10 s and 30 s clips.
--all        both engines minus the package on the first 10 s of every track in 21 conditions; half an hour for 39.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from deepaq.audio import Samples, fit, read, resample, to_mono
from labels.rating.stage import Settings, rate
from manifests.dataset import Dataset
from manifests.jobs import cpu_seconds, in_shard
from prep.transcode import Settings as PrepSettings
from prep.transcode import transcode

SAMPLE_RATE = 48_000
PAPER_HOURS = 366
SHARD = (0, 3)  # share of the clips labelled by measurements of the whole job
PARTS = ("throughput", "job", "workers", "memory")


def load(path: Path) -> Samples:
    audio = read(path)
    return resample(to_mono(audio.samples), audio.sample_rate, SAMPLE_RATE)


def clips(
    dataset: Dataset, least_s: float = 0.0, first: bool = False, shard: tuple[int, int] = (0, 1)
) -> Iterator[tuple[str, Samples, list[tuple[str, Samples]]]]:
    """Yield name, samples and degraded clips of a shard's references of `least_s` seconds, or of tracks' first."""
    rows = dataset.degraded(["reference_id", "condition", "path"]).to_pylist()
    columns = ["path", "track_path", "start_s", "frames", "sample_rate", "status"]
    for reference in dataset.references(columns).to_pylist():
        if reference["status"] != "ok" or (first and reference["start_s"]):
            continue
        short = reference["frames"] < least_s * reference["sample_rate"]
        if short or not all(in_shard([reference["reference_id"]], shard)):
            continue
        samples = load(dataset.path(reference["path"]))
        mine = [row for row in rows if row["reference_id"] == reference["reference_id"]]
        versions = [(row["condition"], fit(load(dataset.path(row["path"])), len(samples))) for row in mine]
        yield Path(reference["track_path"]).stem, samples, versions


def spread(values: list[float], digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f}  [{min(values):.{digits}f}, {max(values):.{digits}f}]"


def engines() -> dict[str, Any]:
    """The engines to compare, by name: compiled, loaded and limited to one thread."""
    import numba

    from labels.raters.visqol import engine, shipped
    from labels.raters.visqol.alignment import PACKAGE

    numba.set_num_threads(1)
    fast = partial(engine.Reference, envelope=PACKAGE)
    kinds = {"exact": engine.Reference, "fast": fast, "shipped": shipped.Reference}
    for kind in kinds.values():
        noise = np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE)
        kind(noise).score(noise)
    return kinds


def throughput(dataset: Dataset, seconds: float, count: int, rounds: int) -> float:
    """Print CPU seconds per second of audio of `exact` and the package, and their ratio; return the former's median."""
    kinds = {name: kind for name, kind in engines().items() if name != "fast"}
    rates: dict[str, list[float]] = {name: [] for name in kinds}
    found = list(islice(clips(dataset, seconds), rounds))
    for index in range(rounds):
        _, reference, versions = found[index % len(found)]
        mine = [samples for _, samples in versions[:: max(1, len(versions) // count)]][:count]
        for name, kind in kinds.items():
            before = cpu_seconds()
            prepared = kind(reference)
            for samples in mine:
                prepared.score(samples)
            rates[name].append((cpu_seconds() - before) / (len(mine) * len(reference) / SAMPLE_RATE))
    print(f"{count} versions of {seconds:g} s or more, {rounds} rounds, CPU s per s of audio, median [least, most]")
    for name, values in rates.items():
        print(f"  {name:<8} {spread(values, 5)}")
    print(f"  ratio    {spread([b / a for a, b in zip(rates['exact'], rates['shipped'], strict=True)])}")
    return statistics.median(rates["exact"])


@contextmanager
def unlabelled(data: Path) -> Iterator[Path]:
    """A copy of the data set, by links, that may be labelled."""
    with tempfile.TemporaryDirectory(dir=data.parent) as scratch:
        subprocess.run(["cp", "-rl", str(data), f"{scratch}/data"], check=True)
        yield Path(scratch) / "data"


def job(data: Path, workers: int = 1) -> tuple[float, float, float]:
    """Label part of the data set; CPU seconds, wall seconds and seconds of audio."""
    with unlabelled(data) as copy:
        start = time.perf_counter()
        result = rate(copy, "visqol", Settings(jobs=workers, shard=SHARD, quiet=True))
        return result["cpu_seconds"], time.perf_counter() - start, result["audio_seconds"]


def alone(data: Path) -> float:
    """CPU seconds of decoding and the engine on what `job` labels."""
    from labels.raters.visqol import engine

    begun = cpu_seconds()
    for _, reference, versions in clips(Dataset(data), shard=SHARD):
        prepared = engine.Reference(reference)
        for _, samples in versions:
            prepared.score(samples)
    return cpu_seconds() - begun


def whole_job(data: Path, rounds: int) -> None:
    job(data)  # loads compiled code
    rates, ratios = [], []
    for _ in range(rounds):
        cpu, _, audio = job(data)
        rates.append(cpu / audio)
        ratios.append(cpu / alone(data))
    print(f"labels visqol, decoding included: {spread(rates, 5)} CPU s per s of audio")
    print(f"  decoding and engine alone, times {spread(ratios)}")
    hours = [PAPER_HOURS * value for value in rates]
    print(f"  the paper's {PAPER_HOURS} h of coded audio: {spread(hours, 1)} CPU hours")


def workers(data: Path, rounds: int) -> None:
    job(data, 2)  # start both workers and load compiled code
    print(f"two workers against one, wall: {spread([job(data, 1)[1] / job(data, 2)[1] for _ in range(rounds)])}")


def memory(data: Path, what: str) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom labels.rating.stage import Settings, rate\n"
        f"rate(Path(sys.argv[1]), 'visqol', Settings(jobs=1, shard={SHARD}, quiet=True))\n"
        # Not getrusage: its peak includes that of the parent.
        "lines = Path('/proc/self/status').read_text().splitlines()\n"
        "print(next(int(line.split()[1]) // 1024 for line in lines if line.startswith('VmHWM')))"
    )
    with unlabelled(data) as copy:
        run = subprocess.run([sys.executable, "-c", code, str(copy)], capture_output=True, text=True, check=True)
    print(f"peak memory of a worker, {what}: {run.stdout.strip()} MiB")


def differences(dataset: Dataset) -> None:
    """Compare both engines with the package on every degraded clip of each track's first clip."""
    kinds = engines()
    found: dict[str, list[tuple[float, str, str]]] = {"exact": [], "fast": []}
    cpu = dict.fromkeys(kinds, 0.0)
    for name, reference, versions in clips(dataset, first=True):
        scores = {}
        for which, kind in kinds.items():
            before = cpu_seconds()
            prepared = kind(reference)
            scores[which] = np.array([prepared.score(samples).mos for _, samples in versions])
            cpu[which] += cpu_seconds() - before
        for which, rows in found.items():
            apart = np.abs(scores[which] - scores["shipped"])
            rows += [(float(value), name, condition) for value, (condition, _) in zip(apart, versions, strict=True)]
            print(f"  {name:<40} {which:<6} {apart.max():.1e}", file=sys.stderr, flush=True)
    for which, rows in found.items():
        values = [value for value, *_ in rows]
        quantiles = "  ".join(f"{q:.0%} {np.quantile(values, q):.1e}" for q in (0.5, 0.9, 0.99, 1.0))
        print(f"{len(rows)} versions, MOS {which} against shipped: {quantiles}; largest {max(rows)}")
        print(f"  CPU seconds: {cpu[which]:.0f} against {cpu['shipped']:.0f}, {cpu['shipped'] / cpu[which]:.2f}")


def prepare(folder: Path, music: Path, name: str, clip_s: float) -> Path:
    transcode([music], folder / name, PrepSettings(clip_s=clip_s, quiet=True))
    return folder / name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", action="append", default=[], choices=[*PARTS, "all"])
    options = parser.parse_args()
    parts = set(options.only or PARTS) | ({"all"} if options.all else set())
    with tempfile.TemporaryDirectory() as scratch:
        if options.quick:
            tiny(Path(scratch))
        else:
            run(options.work or Path(scratch), options.music, parts, options.rounds)


def tiny(folder: Path) -> None:
    """Every measurement of one engine against the other, on seconds of music."""
    from prep.synth import write_tracks

    write_tracks(folder / "music", minutes=0.2, seed=0, jobs=1)
    made = PrepSettings(("opus",), (32,), clip_s=3, jobs=1, quiet=True)
    transcode([folder / "music"], folder / "short", made)
    throughput(Dataset(folder / "short"), 2, 1, 1)
    whole_job(folder / "short", 1)
    memory(folder / "short", "3 s clips")
    differences(Dataset(folder / "short"))


def run(folder: Path, music: Path | None, parts: set[str], rounds: int) -> None:
    if music is None:
        from prep.synth import write_tracks

        music = folder / "music"
        write_tracks(music, minutes=2, seed=0, jobs=1)
    short, long = prepare(folder, music, "short", 10), prepare(folder, music, "long", 30)
    if "throughput" in parts:
        median = throughput(Dataset(short), 10, 21, rounds)
        print(f"  the paper's {PAPER_HOURS} h, engine alone: {PAPER_HOURS * median:.1f} CPU hours")
        throughput(Dataset(short), 10, 1, rounds)
        throughput(Dataset(long), 25, 8, rounds)
    if "job" in parts:
        whole_job(short, rounds)
    if "workers" in parts:
        workers(short, rounds)
    if "memory" in parts:
        memory(short, "10 s clips")
        memory(long, "30 s clips")
    if "all" in parts:
        differences(Dataset(short))


if __name__ == "__main__":
    main()
