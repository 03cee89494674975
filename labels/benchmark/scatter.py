"""Scatter plots of a test: each rater against the listeners, with their intervals as whiskers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from labels.benchmark.blocks import interval, title_of
from manifests.report.page import SERIES, Axes, figure, legend, series

MARKS = {"coded": "circle", "reference": "square", "anchor": "triangle"}


def charts(test: dict[str, Any], raters: Sequence[str]) -> str:
    """HTML of all raters' plots of one evaluated test, with one legend."""
    rows = [row for row in test["stimuli"] if any(row["values"][rater] is not None for rater in raters)]
    kind = "condition" if len({row["condition"] for row in rows}) <= SERIES else "content"
    names = sorted({row[kind] or "" for row in rows})
    colours = {name: series(i) for i, name in enumerate(names)}
    plots = "".join(_plot(test, rater, rows, kind, colours) for rater in raters)
    return f'{legend(names) if len(names) > 1 else ""}<div class="charts">{plots}</div>'


def _plot(test: dict[str, Any], rater: str, rows: Sequence[dict[str, Any]], kind: str, colours: dict[str, int]) -> str:
    rated = [row for row in rows if row["values"][rater] is not None]
    if not rated:
        return ""
    about = test["about"]
    values = [row["values"][rater] for row in rated]
    pad = 0.04 * (max(values) - min(values)) or 0.5
    axes = Axes(
        (min(values) - pad, max(values) + pad), (about["lowest"], about["highest"]), title_of(rater), about["scale"]
    )
    marks = [_mark(axes, row, row["values"][rater], colours[row[kind] or ""], about) for row in rated]
    part = test["protocols"][0]
    result = next(result for result in part["results"] if result["rater"] == rater)
    caption = f"{title_of(rater)}: PCC {interval(result['pcc'])}, SRCC {interval(result['srcc'])} ({part['protocol']})"
    return figure(axes.svg(marks, f"{rater} against listeners, {about['title']}"), caption)


def _mark(axes: Axes, row: dict[str, Any], value: float, colour: int, about: dict[str, Any]) -> str:
    x, y = axes.x(value), axes.y(row["mean"])
    shape = {
        "circle": f'<circle class="mark" cx="{x}" cy="{y}" r="3.2"/>',
        "square": f'<rect class="mark" x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"/>',
        "triangle": f'<path class="mark" d="M{x:.1f} {y - 4:.1f}l4 7h-8z"/>',
    }[MARKS[row["role"]]]
    whisker = ""
    if row["ci_low"] is not None:
        low, high = (min(max(row[end], about["lowest"]), about["highest"]) for end in ("ci_low", "ci_high"))
        whisker = f'<line class="whisker" x1="{x}" y1="{axes.y(low)}" x2="{x}" y2="{axes.y(high)}"/>'
    name = escape(f"{row['item']}, {row['condition']}: listeners {row['mean']:.1f}, rater {value:.3f}")
    return f'<g class="s{colour}"><title>{name}</title>{whisker}{shape}</g>'
