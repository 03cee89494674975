"""Scatter plots of a test: each rater against the listeners, with their intervals as whiskers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from labels.benchmark.protocol import PROTOCOLS
from labels.benchmark.report.blocks import interval, title_of
from manifests.report.page import SERIES, Axes, figure, legend, paragraph, series

MARKS = {"coded": "circle", "reference": "square", "anchor": "triangle"}
NAMES = {"coded": "system under test", "reference": "hidden reference", "anchor": "anchor"}


def charts(test: dict[str, Any], raters: Mapping[str, bool]) -> str:
    """HTML of all raters' plots of one evaluated test, with legends. raters: whether more is better, by name."""
    rows = [row for row in test["stimuli"] if any(row["values"][rater] is not None for rater in raters)]
    kind = "condition" if len({row["condition"] for row in rows}) <= SERIES else "content"
    names = sorted({row[kind] or "" for row in rows})
    colours = {name: series(i) for i, name in enumerate(names)}
    roles = [role for role in MARKS if any(row["role"] == role for row in rows)]
    shapes = f"Shapes: {', '.join(f'{MARKS[role]} {NAMES[role]}' for role in roles)}. Whiskers: 95 % intervals."
    plots = "".join(_plot(test, rater, more, rows, kind, colours) for rater, more in raters.items())
    legends = (legend(names) if len(names) > 1 else "") + (paragraph(shapes, "note") if rows else "")
    return f'{legends}<div class="charts">{plots}</div>'


def _plot(
    test: dict[str, Any], rater: str, more: bool, rows: Sequence[dict[str, Any]], kind: str, colours: dict[str, int]
) -> str:
    """One rater's plot, as wide as the stimuli of the first protocol; others beyond that lie on its edge."""
    rated = [row for row in rows if row["values"][rater] is not None]
    if not rated:
        return ""
    about, part = test["about"], test["protocols"][0]
    counted = [row["values"][rater] for row in rated if row["role"] in PROTOCOLS[part["protocol"]]]
    values = counted or [row["values"][rater] for row in rated]
    pad = 0.04 * (max(values) - min(values)) or 0.5
    low, high = min(values) - pad, max(values) + pad
    x_title = title_of(rater) + ("" if more else ", lower is better")
    y_title = about["scale"] + ("" if about["better"] == "higher" else ", lower is better")
    axes = Axes((low, high), (about["lowest"], about["highest"]), x_title, y_title)
    marks = [
        _mark(
            axes, row, row["values"][rater], min(max(row["values"][rater], low), high), colours[row[kind] or ""], about
        )
        for row in rated
    ]
    result = next(result for result in part["results"] if result["rater"] == rater)
    caption = f"{title_of(rater)}: PCC {interval(result['pcc'])}, SRCC {interval(result['srcc'])} ({part['protocol']}, "
    caption += f"n = {result['stimuli']})"
    if any(not low <= row["values"][rater] <= high for row in rated):
        caption += "; stimuli beyond the axis are drawn on its edge"
    return figure(axes.svg(marks, f"{rater} against listeners, {about['title']}"), caption)


def _mark(axes: Axes, row: dict[str, Any], value: float, place: float, colour: int, about: dict[str, Any]) -> str:
    """A stimulus, drawn at `place` on the rater's axis."""
    x, y = axes.x(place), axes.y(min(max(row["mean"], about["lowest"]), about["highest"]))
    shape = {
        "circle": f'<circle class="mark" cx="{x}" cy="{y}" r="3.2"/>',
        "square": f'<rect class="mark" x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"/>',
        "triangle": f'<path class="mark" d="M{x:.1f} {y - 4:.1f}l4 7h-8z"/>',
    }[MARKS[row["role"]]]
    whisker = ""
    if row["ci_low"] is not None:
        low, high = (min(max(row[end], about["lowest"]), about["highest"]) for end in ("ci_low", "ci_high"))
        whisker = f'<line class="whisker" x1="{x}" y1="{axes.y(low)}" x2="{x}" y2="{axes.y(high)}"/>'
    name = escape(f"{row['item']}, {row['condition']}: listeners {row['mean']:.4g}, rater {value:.3f}")
    return f'<g class="s{colour}"><title>{name}</title>{whisker}{shape}</g>'
