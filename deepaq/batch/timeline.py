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

from deepaq import extras
from deepaq.cells import csv_cell
from deepaq.errors import UserError
from deepaq.files import check_writable, committed, printable, write_text
from deepaq.scoring.score import Score

SUFFIXES = (".json", ".csv", ".png")
COLUMNS = ("reference", "degraded", "start_s", "seconds", "distance", "mos", "added", "missing", "lag_s")
Scored = tuple[str, str, Score]  # reference, degraded and its score
_GAP_S = 0.1  # seconds between segments that interrupt a curve
_MOST_NAMED = 12  # largest number of curves with a legend


def check(path: Path) -> None:
    """Raise UserError unless the suffix names a supported format and the folder exists."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--timeline {path}: end the name in {', '.join(SUFFIXES)}")
    check_writable(path, "--timeline")
    if path.suffix.lower() == ".png":
        with extras.required(f"--timeline {path}"):
            import matplotlib  # noqa: F401


def write(path: Path, scores: Sequence[Scored]) -> None:
    """Write the segments of every score; the suffix of `path` decides the format."""
    rows = [
        {"reference": reference, "degraded": degraded, **asdict(segment), "lag_s": score.lag_s}
        for reference, degraded, score in scores
        for segment in score.segments
    ]
    with committed(path) as partial:
        match path.suffix.lower():
            case ".json":
                write_text(partial, json.dumps(rows, indent=1, allow_nan=False) + "\n")
            case ".csv":
                with partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
                    writer = csv.DictWriter(file, COLUMNS)
                    writer.writeheader()
                    writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
            case _:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", message="Glyph .* missing")
                    _picture(scores).savefig(partial, dpi=120, format="png")


def labels(scores: Sequence[Scored]) -> list[str]:
    """Label each curve by the end of its degraded path, unique for different files, with the reference if needed."""
    names = _short([Path(degraded) for _, degraded, _ in scores])
    if len(set(names)) == len(names):
        return names
    references = _short([Path(reference) for reference, _, _ in scores])
    return [f"{name} ({reference})" for name, reference in zip(names, references, strict=True)]


def _short(paths: Sequence[Path]) -> list[str]:
    """Shorten paths to as many last parts as tell them apart."""
    most = max((len(path.parts) for path in paths), default=1)
    for count in range(1, most + 1):
        short = {path: Path(*path.parts[-count:]) for path in paths}
        if len(set(short.values())) == len(short):
            break
    return [printable(str(short[path])) for path in paths]


def steps(score: Score, mapped: bool) -> tuple[list[float], list[float]]:
    """Values and edges of a curve: one level per segment, NaN between segments that are apart."""
    values: list[float] = []
    edges = [score.segments[0].start_s]
    for segment in score.segments:
        if segment.start_s - edges[-1] > _GAP_S:
            values.append(math.nan)
            edges.append(segment.start_s)
        values.append((segment.mos if mapped else segment.distance) or 0.0)
        edges.append(segment.start_s + segment.seconds)
    return values, edges


def _picture(scores: Sequence[Scored]) -> Any:
    from matplotlib.figure import Figure

    named = len(scores) <= _MOST_NAMED
    figure = Figure(figsize=(9, 4 + 0.22 * len(scores) * named), layout="constrained")
    axis = figure.subplots()
    mapped = all(score.mos is not None for _, _, score in scores)
    for label, (_, _, score) in zip(labels(scores), scores, strict=True):
        axis.stairs(*steps(score, mapped), baseline=None, linewidth=1.5, label=f" {label}")
    axis.set(xlabel="time in the degraded file (s)", ylabel="MOS" if mapped else "distance")
    if mapped:
        axis.set_ylim(1, 5)
    axis.grid(alpha=0.3)
    if named:  # below the axes, to hide no curve
        for text in figure.legend(loc="outside lower left", fontsize="small").get_texts():
            text.set_parse_math(False)  # names are not formulas
    return figure
