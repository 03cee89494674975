"""Quality over time in the degraded file, written as JSON, CSV or a picture."""

from __future__ import annotations

import csv
import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from deepaq.files import check_writable, committed, printable
from deepaq.scoring.score import Score

SUFFIXES = (".json", ".csv", ".png")
COLUMNS = ("reference", "degraded", "start_s", "seconds", "distance", "mos", "lag_s")
_GAP_S = 0.1
Scored = tuple[str, str, Score]  # reference, degraded, and what it got


def check(path: Path) -> None:
    """UserError unless the suffix says a format that can be written and the folder exists."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--timeline {path}: end the name in {', '.join(SUFFIXES)}")
    check_writable(path, "--timeline")


def write(path: Path, scores: Sequence[Scored]) -> None:
    """The segments of every score; the suffix of `path` decides the format."""
    rows = [
        {"reference": reference, "degraded": degraded, **asdict(segment), "lag_s": score.lag_s}
        for reference, degraded, score in scores
        for segment in score.segments
    ]
    with committed(path) as partial:
        match path.suffix.lower():
            case ".json":
                partial.write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n")
            case ".csv":
                with partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
                    writer = csv.DictWriter(file, COLUMNS)
                    writer.writeheader()
                    writer.writerows(rows)
            case _:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", message="Glyph .* missing")
                    _picture(scores).savefig(partial, dpi=120, format="png")


def _levels(score: Score, mapped: bool) -> tuple[list[float], list[float]]:
    """Edges and levels of a staircase: one level per segment, NaN for longer gaps between segments."""
    edges, values = [score.segments[0].start_s], []
    for segment in score.segments:
        if segment.start_s - edges[-1] > _GAP_S:
            edges.append(segment.start_s)
            values.append(math.nan)
        edges.append(segment.start_s + segment.seconds)
        values.append((segment.mos if mapped else segment.distance) or 0.0)
    return edges, values


def _picture(scores: Sequence[Scored]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axis = figure.subplots()
    mapped = all(score.mos is not None for _, _, score in scores)
    for _, degraded, score in scores:
        edges, values = _levels(score, mapped)
        axis.stairs(values, edges, baseline=None, linewidth=1.5, label=f" {printable(Path(degraded).name)}")
    axis.set(xlabel="time in the degraded file (s)", ylabel="MOS" if mapped else "distance")
    if mapped:
        axis.set_ylim(1, 5)
    axis.grid(alpha=0.3)
    if len(scores) <= 12:
        for text in axis.legend(loc="lower left", fontsize="small").get_texts():
            text.set_parse_math(False)  # a name is no formula
    return figure
