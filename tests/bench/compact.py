"""The metric inside the package: its cost against ViSQOL, agreement with ViSQOL on recordings it was not trained on,
and with listeners.

    python tests/bench/compact.py speed [ROUNDS]
    python tests/bench/compact.py held-out [FOLDER [RUN...]]     a data set in FOLDER is gone on with
    python tests/bench/compact.py listening [FOLDER]
    python tests/bench/compact.py                                all three

The last two need the shared recordings and listening tests (DEEPAQ_SHARED) and are left out without them. RUN: run
folders of `training fit`, such as other seeds, to judge beside the packaged model.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import deepaq
from deepaq import checkpoint
from deepaq.backbone import Backbone, build
from deepaq.metric import PACKAGED
from labels.benchmark.stage import Settings as BenchmarkSettings
from labels.benchmark.stage import benchmark
from labels.importing.stage import Settings as ImportSettings
from labels.importing.stage import import_test
from labels.rate import Settings as RateSettings
from labels.rate import rate
from labels.rater import rater
from labels.statistics.bootstrap import interval, item_weights
from labels.statistics.correlation import srcc
from manifests.dataset import Dataset
from manifests.jobs import cpu_seconds
from prep.distortions import DISTORTIONS
from prep.synth import SAMPLE_RATE, compose
from prep.transcode import Settings, transcode
from training import store, table
from training.table import Table

Values = npt.NDArray[np.float64]
SHARED = Path(__file__).parents[2] / os.environ.get("DEEPAQ_SHARED", "../shared/data")
HELD_OUT = ("visqol_", "webaudio_")  # recordings whose licence keeps them out of training
ERB, MEL = slice(0, 64), slice(64, 160)  # of the compact network's front
RESAMPLES = 500


def speed(rounds: int = 5) -> None:
    """CPU seconds for 10 s of stereo, one thread, nothing decoded; rounds are interleaved."""
    torch.set_num_threads(1)
    reference = deepaq.audio.resample(compose(5, 10.0), SAMPLE_RATE, 48_000)
    rng = np.random.default_rng(0)
    degraded = (reference + 0.003 * rng.standard_normal(reference.shape)).astype(np.float32)
    metric, shipped, fast = deepaq.load(), rater("visqol", engine="shipped"), rater("visqol")
    mono = [samples.mean(axis=1) for samples in (reference, degraded)]
    tensors = [torch.from_numpy(samples)[None] for samples in mono]
    ways: dict[str, Callable[[], object]] = {
        "ViSQOL as shipped": lambda: shipped.judge(mono[0])(mono[1]),
        "ViSQOL, our engine": lambda: fast.judge(mono[0])(mono[1]),
        "deepaq.score": lambda: metric.score(reference, degraded, sample_rate=48_000),
        "deepaq, both embeddings alone": lambda: [metric.embed(samples) for samples in tensors],
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begin = cpu_seconds()
            way()
            if number:  # the first round warms up
                spent[name].append((cpu_seconds() - begin) / 10.0)
    base = spent["ViSQOL as shipped"]
    print("\n| full reference, 10 s stereo | CPU s per audio s | least .. most | ViSQOL as shipped / this |")
    print("|---|---|---|---|")
    for name, times in spent.items():
        ratio = statistics.median(own / other for own, other in zip(base, times, strict=True))
        print(f"| {name} | {statistics.median(times):.4f} | {min(times):.4f} .. {max(times):.4f} | {ratio:.1f} |")


def held_out(folder: Path, runs: Iterable[str] = ()) -> None:
    """SRCC with ViSQOL on real recordings that no training saw, 95 % intervals over clips."""
    music = sorted(path for prefix in HELD_OUT for path in (SHARED / "music").glob(f"{prefix}*.flac"))
    grades = ",".join(f"{name}-3" for name in DISTORTIONS)
    transcode(music, folder, Settings(distortions=grades, clip_s=5.0, valid_share=0.9))
    rate(folder, "visqol", RateSettings())
    rows = table.load(Dataset(folder), {"visqol": 1.0})
    torch.manual_seed(0)
    network = build("compact")
    filled = store.fill(Dataset(folder), network, rows)
    tracks = _tracks(Dataset(folder), rows)
    systems: dict[str, tuple[Values, Values]] = {
        "packaged": distances(checkpoint.load(PACKAGED).backbone, filled, tracks),
        **{run: distances(checkpoint.load(Path(run)).backbone, filled, tracks) for run in runs},
        "untrained": distances(network, filled, tracks),
        "log-mel": plain(filled, tracks, MEL),
        "log-ERB": plain(filled, tracks, ERB),
        "knows codec and bitrate": (np.full(len(rows), np.nan), _oracle(rows, tracks)),
    }
    groups = {"all": ~rows.clean, "codecs": rows.coded, "distortions": ~rows.clean & ~rows.coded}
    groups |= {codec: rows.codec == codec for codec in ("opus", "mp3", "aac")}
    for mode, title in enumerate(("full reference", "non-matching references")):
        print(f"\n| {title}, SRCC | " + " | ".join(f"{name} ({rows_.sum()})" for name, rows_ in groups.items()) + " |")
        print("|---" * (len(groups) + 1) + "|")
        for name, found in systems.items():
            if not np.isnan(found[mode]).all():
                cells = [_srcc(rows.take(rows_), found[mode][rows_]) for rows_ in groups.values()]
                print(f"| {name} | " + " | ".join(cells) + " |")


@torch.inference_mode()
def distances(network: Backbone, filled: store.Store, tracks: npt.NDArray[np.str_]) -> tuple[Values, Values]:
    """(rows,) to the own clean clip, and to the mean of the clean clips of other recordings."""
    network.eval()
    rows = filled.table
    points = np.concatenate([_point(network, filled.whole(row)) for row in range(len(rows))])
    full = np.zeros(len(rows))
    for clip in np.unique(rows.clip):
        (own,) = np.flatnonzero(rows.clean & (rows.clip == clip)).tolist()
        clean = network.embed(filled.whole(own)[None])
        for row in np.flatnonzero(rows.clip == clip).tolist():
            apart = network.embed(filled.whole(row)[None]) - clean
            full[row] = float(torch.linalg.vector_norm(apart, dim=2).mean())
    return full, _to_others(rows, points, tracks)


def plain(filled: store.Store, tracks: npt.NDArray[np.str_], bands: slice) -> tuple[Values, Values]:
    """The same for log energies in bands, as the backbone `plain` does it."""
    rows = filled.table
    energies = [filled.whole(row)[:, bands].numpy() for row in range(len(rows))]
    clean = {int(clip): int(row) for row, clip in enumerate(rows.clip) if rows.clean[row]}
    full = [
        np.linalg.norm(e - energies[clean[int(c)]], axis=1).mean() for e, c in zip(energies, rows.clip, strict=True)
    ]
    points = np.stack([np.concatenate([e.mean(axis=0), e.std(axis=0)]) for e in energies])
    return np.array(full), _to_others(rows, points, tracks)


def _point(network: Backbone, front: torch.Tensor) -> npt.NDArray[np.float32]:
    return network.embed_clip(network.describe(front[None])).numpy()


def _to_others(rows: Table, points: npt.NDArray[np.floating], tracks: npt.NDArray[np.str_]) -> Values:
    found = np.zeros(len(rows))
    for track in np.unique(tracks):
        centre = points[rows.clean & (tracks != track)].mean(axis=0)
        found[tracks == track] = np.linalg.norm(points[tracks == track] - centre, axis=1)
    return found


def _oracle(rows: Table, tracks: npt.NDArray[np.str_]) -> Values:
    """Minus the mean label of the condition on other recordings."""
    found = np.zeros(len(rows))
    for track in np.unique(tracks):
        for condition in np.unique(rows.condition):
            here, others = (tracks == track) & (rows.condition == condition), rows.condition == condition
            if (others & ~here).any():
                found[here] = -rows.mos[others & ~here].mean()
    return found


def _tracks(dataset: Dataset, rows: Table) -> npt.NDArray[np.str_]:
    known = {row["reference_id"]: row["track_id"] for row in dataset.references(["track_id"]).to_pylist()}
    by_clip = {int(rows.clip[row]): known[str(rows.row_id[row])] for row in np.flatnonzero(rows.clean)}
    return np.array([by_clip[int(clip)] for clip in rows.clip])


def _srcc(rows: Table, distance: Values) -> str:
    weights = item_weights([str(clip) for clip in rows.clip], RESAMPLES)
    value = float(srcc(-distance, rows.mos)[0])
    found = interval(value, srcc(-distance, rows.mos, weights), len(np.unique(rows.clip)))
    return f"{value:.3f}" + (f" [{found[0]:.3f}, {found[1]:.3f}]" if found else "")


def listening(folder: Path) -> None:
    """The packaged metric beside ViSQOL and log-mel against listeners; the report is in FOLDER/report."""
    tests = {"stahl2024": "stahl2024_codec_speech", "sisec08": "sebass_sisec08"}
    for form, name in tests.items():
        import_test(form, SHARED / "listening" / name, folder / form, ImportSettings())
    data = [folder / form for form in tests]
    benchmark(data, ["visqol", "log-mel", "deepaq-fr"], folder / "report", BenchmarkSettings())
    print((folder / "report" / "report.md").read_text())


def main() -> None:
    sys.path[0] = str(Path(__file__).parents[2])  # not this folder, whose visqol.py would hide the package
    what, *rest = sys.argv[1:] or ["all"]
    if what in ("all", "speed"):
        speed(int(rest[0]) if rest else 5)
    for name, way in (("held-out", held_out), ("listening", listening)):
        if what not in ("all", name):
            continue
        if not SHARED.is_dir():
            print(f"{name}: left out, there is nothing at {SHARED}")
            continue
        with tempfile.TemporaryDirectory() as spare:
            folder, more = (Path(rest[0]), rest[1:]) if rest else (Path(spare), [])
            way(folder, *([more] if way is held_out else []))


if __name__ == "__main__":
    main()
