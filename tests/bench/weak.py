"""Criteria that need no listener: what a metric must get right on damage of known order.

    prep transcode MUSIC --out DATA --clip 6 --distortions all
    labels rate DATA --rater deepaq-fr        (and 2f, zimtohrli, log-mel, visqol, a run of one's own ...)
    python -m tests.bench.weak DATA --raters deepaq-fr,visqol,2f,zimtohrli,log-mel

For every rater, over the clips that all raters have rated:

consensus   SRCC with the mean of the standard scores of the other raters among 2f, zimtohrli and log-mel
step        fall per step of severity within clips, in standard deviations of the falls (d'), median over distortions
severities  SRCC with the severity within clip and distortion, mean
opus ...    SRCC with the bitrate within clips, mean; `falls` if the mean over clips falls as the bitrate rises
visqol      SRCC with ViSQOL: reported, and no aim

Over 763 variants of a metric, the first predicted agreement with listeners best, and agreement with ViSQOL worst.
Use them to reject a metric, not to tune one.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from statistics import fmean, median

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from labels.raters.rater import rater as build
from manifests.dataset import Dataset

CONSENSUS = ("2f", "zimtohrli", "log-mel")
Values = npt.NDArray[np.float64]


def main() -> None:
    """Print a row of criteria for every rater."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--raters", default="deepaq-fr,visqol,2f,zimtohrli,log-mel", help="names, comma-separated")
    arguments = parser.parse_args()
    names = arguments.raters.split(",")
    rows, quality = read(Dataset(arguments.data), names)
    print(f"{len(rows)} degraded clips")
    for name in names:
        found = criteria(rows, quality, name)
        print(f"{name:<16}", "  ".join(f"{key} {value}" for key, value in found.items()))


def read(data: Dataset, names: list[str]) -> tuple[list[dict[str, object]], dict[str, Values]]:
    """Read the degraded clips that every rater has rated, and each rater's values, higher for better."""
    wanted = {*names, *CONSENSUS, "visqol"}
    labels = {}
    for name in wanted:
        sign = 1 if build(name.partition("+")[0]).higher_is_better else -1
        rated = data.labels(name).to_pylist()
        labels[name] = {row["degraded_id"]: sign * row["value"] for row in rated if row["status"] == "ok"}
    present = {name: values for name, values in labels.items() if values}
    rows = [row for row in data.degraded().to_pylist() if all(row["degraded_id"] in v for v in present.values())]
    return rows, {n: np.array([v[row["degraded_id"]] for row in rows]) for n, v in present.items()}


def criteria(rows: list[dict[str, object]], quality: dict[str, Values], name: str) -> dict[str, str]:
    """Return the criteria of one rater."""
    values = quality[name]
    others = [standardised(quality[other]) for other in CONSENSUS if other in quality and other != name]
    found = {"consensus": f"{srcc(values, np.mean(others, axis=0)):.3f}"} if others else {}
    steps, orders = severities(rows, values)
    found["step"] = f"{median(steps):.2f}"
    found["severities"] = f"{fmean(orders):.3f}"
    for codec in ("opus", "mp3", "aac"):
        order, falls = bitrates(rows, values, codec)
        found[codec] = f"{order:.3f}" + (" falls" if falls else "")
    if "visqol" in quality and name != "visqol":
        found["visqol"] = f"{srcc(values, quality['visqol']):.3f}"
    return found


def severities(rows: list[dict[str, object]], values: Values) -> tuple[list[float], list[float]]:
    """Return d' of a step of severity for every distortion, and the order within every clip and distortion."""
    groups: dict[str, dict[object, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    for row, value in zip(rows, values.tolist(), strict=True):
        name, _, severity = str(row["condition"]).rpartition("-")
        if row["codec"] is None:
            groups[name][row["reference_id"]].append((int(severity), value))
    steps, orders = [], []
    for clips in groups.values():
        falls = []
        for points in clips.values():
            if len(points) > 1:
                severity, value = map(np.array, zip(*sorted(points), strict=True))
                falls += (-np.diff(value) / np.diff(severity)).tolist()
                orders.append(srcc(-severity, value))
        if len(falls) > 1 and np.std(falls) > 0:
            steps.append(float(np.mean(falls) / np.std(falls)))
    return steps, orders


def bitrates(rows: list[dict[str, object]], values: Values, codec: str) -> tuple[float, bool]:
    """Return the mean order within clips of one codec, and True if a mean over clips falls as the bitrate rises."""
    clips: dict[object, list[tuple[float, float]]] = defaultdict(list)
    for row, value in zip(rows, values.tolist(), strict=True):
        if row["codec"] == codec and str(row["condition"]).startswith(codec):
            clips[row["reference_id"]].append((float(str(row["bitrate_kbps"])), value))
    orders = [srcc(*map(np.array, zip(*points, strict=True))) for points in clips.values() if len(points) > 1]
    means: dict[float, list[float]] = defaultdict(list)
    for points in clips.values():
        for bitrate, value in points:
            means[bitrate].append(value)
    curve = [fmean(means[bitrate]) for bitrate in sorted(means)]
    return fmean(orders), bool((np.diff(curve) < 0).any())


def standardised(values: Values) -> Values:
    return (values - values.mean()) / values.std()


def srcc(first: Values, second: Values) -> float:
    """Spearman's rank correlation; 0 if one is constant."""
    found = spearmanr(first, second)[0] if np.ptp(first) and np.ptp(second) else 0.0
    return float(found)


if __name__ == "__main__":
    main()
