"""Plots of a run: labels by bitrate, predicted against given MOS, and learning curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from deepaq.scoring.mapping import MosMapping
from training.data.table import Table
from training.loop import log
from training.loop.evaluate import Distances
from training.results.printed import TITLES


def write(out: Path, rows: Table, found: Distances, mappings: dict[str, MosMapping]) -> None:
    """Save `labels.png` and `predicted.png` of the held-out rows, and `curves.png` of the log, into `out`."""
    _labels(rows).savefig(out / "labels.png", dpi=110)
    _predicted(rows, found, mappings).savefig(out / "predicted.png", dpi=110)
    _curves(log.read(out / log.STEPS), log.read(out / log.EPOCHS)).savefig(out / "curves.png", dpi=110)


def _codecs(rows: Table) -> list[str]:
    return [str(codec) for codec in np.unique(rows.codec[rows.coded])]


def _labels(rows: Table) -> Figure:
    figure = Figure(figsize=(4 * max(1, len(_codecs(rows))), 3.6), layout="constrained")
    axes: Any = figure.subplots(1, max(1, len(_codecs(rows))), sharey=True, squeeze=False)[0]
    for axis, codec in zip(axes, _codecs(rows), strict=False):
        chosen = rows.valid & (rows.codec == codec)
        bitrates = np.unique(rows.bitrate[chosen])
        axis.boxplot(
            [rows.mos[chosen & (rows.bitrate == bitrate)] for bitrate in bitrates],
            tick_labels=[f"{bitrate:g}" for bitrate in bitrates],
        )
        axis.set(title=codec, xlabel="bitrate (kbps)", ylim=(1, 5))
        axis.grid(axis="y", alpha=0.3)
    axes[0].set_ylabel("MOS (label)")
    return figure


def _predicted(rows: Table, found: Distances, mappings: dict[str, MosMapping]) -> Figure:
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes: Any = figure.subplots(1, 2, sharey=True)
    judged = rows.valid & ~rows.clean
    for axis, (mode, title) in zip(axes, TITLES.items(), strict=True):
        for codec in [*_codecs(rows), ""]:
            chosen = judged & (rows.codec == codec)
            if chosen.any():
                predicted = mappings[mode](getattr(found, mode)[chosen])
                axis.scatter(rows.mos[chosen], predicted, s=9, alpha=0.6, label=codec or "distortion")
        axis.plot([1, 5], [1, 5], color="grey", linewidth=0.8)
        axis.set(title=title, xlabel="MOS (label)", xlim=(1, 5), ylim=(1, 5))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("MOS (predicted)")
    axes[0].legend(markerscale=2)
    return figure


def _curves(steps: list[dict[str, Any]], epochs: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    loss, scores, rate = figure.subplots(1, 3)
    x = [row["step"] for row in steps]
    terms = [name for name in (steps[0] if steps else ()) if name == "loss" or name.startswith(("full_", "unmatched_"))]
    window = max(1, len(x) // 100)
    for name in terms:
        values = np.array([row[name] if row[name] is not None else np.nan for row in steps])
        smooth = np.convolve(values, np.ones(window) / window, mode="valid")
        loss.plot(x[window - 1 :], smooth, label=name.replace("_", " "), linewidth=1)
    loss.set(title="loss", xlabel="step", yscale="symlog")
    for mode in ("full", "unmatched"):
        points = [(row["step"], row[f"{mode}_srcc"]) for row in epochs if row.get(f"{mode}_srcc") is not None]
        if points:
            scores.plot(*zip(*points, strict=True), marker=".", label=mode)
    scores.set(title="SRCC with the labels, held out", xlabel="step")
    rate.plot(x, [row["lr"] for row in steps])
    rate.set(title="learning rate", xlabel="step")
    for axis in (loss, scores):
        if axis.has_data():
            axis.legend(fontsize=7)
    for axis in (loss, scores, rate):
        axis.grid(alpha=0.3)
    return figure
