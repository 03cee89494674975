"""Quality over time, written as JSON, CSV or a picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from deepaq.score import Score

SUFFIXES = (".json", ".csv", ".png")


def check(path: Path) -> None:
    """UserError unless the suffix says a format that can be written and the folder exists."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--timeline {path}: end the name in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise UserError(f"--timeline {path}: {path.parent} is no folder")


def write(path: Path, scores: Mapping[str, Score]) -> None:
    """The segments of every score by the name of its degraded file; the suffix of `path` decides the format."""
    rows = [{"degraded": name, **asdict(segment)} for name, score in scores.items() for segment in score.segments]
    match path.suffix.lower():
        case ".json":
            path.write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n")
        case ".csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, ["degraded", "start_s", "seconds", "distance", "mos"])
                writer.writeheader()
                writer.writerows(rows)
        case _:
            _picture(scores).savefig(path, dpi=120)


def _picture(scores: Mapping[str, Score]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axis = figure.subplots()
    mapped = all(score.mos is not None for score in scores.values())
    for name, score in scores.items():
        # One level per segment, held until the next begins.
        edges = [segment.start_s for segment in score.segments]
        edges.append(score.segments[-1].start_s + score.segments[-1].seconds)
        values = [(segment.mos if mapped else segment.distance) or 0.0 for segment in score.segments]
        axis.stairs(values, edges, baseline=None, linewidth=1.5, label=Path(name).name)
    axis.set(xlabel="time (s)", ylabel="MOS" if mapped else "distance")
    if mapped:
        axis.set_ylim(1, 5)
    axis.grid(alpha=0.3)
    if len(scores) <= 12:
        axis.legend(loc="lower left", fontsize="small")
    return figure
