"""A chart of quality over bitrate: a curve per codec with its points and their intervals."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import numpy as np

from labels.benchmark.report.blocks import interval
from labels.codecs.curve import Curve, Values
from manifests.report.page import Axes, figure, legend, series

_STEPS = 60  # places at which a curve is drawn


def chart(shown: dict[str, Any]) -> str:
    """HTML of the chart of one rater, a part of the report. The bitrate is on a logarithmic axis."""
    curves = shown["curves"]
    points = [point for curve in curves for point in curve["points"]]
    ends = [number for point in points for number in point["value"] if number is not None]
    rates = [math.log2(point["kbps"]) for point in points]
    per, first, labels = labels_between(min(rates) - 0.2, max(rates) + 0.2)
    air = 0.05 * (max(ends) - min(ends)) or 0.5
    direction = "" if shown["higher_is_better"] else ", lower is better"
    axes = Axes(
        (per * (min(rates) - 0.2) - first, per * (max(rates) + 0.2) - first),
        (min(ends) - air, max(ends) + air),
        "measured kbps",
        f"{shown['scale']}{direction}",
        *(900, 420),
        x_labels=labels,
    )
    marks = [_grid(axes, len(labels)), *(_curve(axes, per, first, curve, i) for i, curve in enumerate(curves))]
    caption = f"{shown['rater']}, mean over clips; whiskers: 95 % intervals over {shown['tracks']} tracks"
    drawn = figure(axes.svg(marks, f"{shown['scale']} over bitrate"), caption)
    return legend([curve["codec"] for curve in curves]) + f'<div class="scroll wide">{drawn}</div>'


def labels_between(low: float, high: float) -> tuple[int, int, list[str]]:
    """Labels of a logarithmic axis, at least three where that is possible: their number per octave, the place of the
    first one, and their texts. low, high: ends of the axis in octaves above 1 kbps."""
    for per in (1, 2, 4):
        places = range(math.ceil(low * per), math.floor(high * per) + 1)
        if len(places) >= 3:
            break
    return per, places[0], [f"{2 ** (place / per):.3g}" for place in places]


def _grid(axes: Axes, count: int) -> str:
    """Vertical lines at the labels of the bitrates."""
    low, high = (axes.y(end) for end in axes.y_range)
    lines = (f'<line class="grid" x1="{axes.x(i)}" y1="{high}" x2="{axes.x(i)}" y2="{low}"/>' for i in range(count))
    return "".join(lines)


def _curve(axes: Axes, per: int, first: int, shown: dict[str, Any], index: int) -> str:
    points = shown["points"]
    curve = Curve.of(np.array([p["kbps"] for p in points]), np.array([p["value"][0] for p in points]))
    parts = []
    if len(curve.kbps) > 1:
        places = np.log(np.geomspace(curve.kbps[0], curve.kbps[-1], _STEPS))
        places[[0, -1]] = np.log(curve.kbps[[0, -1]])
        parts.append(_line(axes, per * places / math.log(2) - first, curve.forward(places)))
    for point in points:
        value, low, high = point["value"]
        x, name = axes.x(per * math.log2(point["kbps"]) - first), f"{shown['codec']}, {point['kbps']:.1f} kbps: "
        if low is not None:
            parts.append(f'<line class="whisker" x1="{x}" y1="{axes.y(low)}" x2="{x}" y2="{axes.y(high)}"/>')
        title = escape(name + interval(point["value"]))
        parts.append(f'<circle class="mark" cx="{x}" cy="{axes.y(value)}" r="4"><title>{title}</title></circle>')
    return f'<g class="s{series(index)}">{"".join(parts)}</g>'


def _line(axes: Axes, x: Values, y: Values) -> str:
    points = " ".join(f"{axes.x(float(a))},{axes.y(float(b))}" for a, b in zip(x, y, strict=True))
    return f'<polyline class="stroke" stroke-width="1.8" points="{points}"/>'
