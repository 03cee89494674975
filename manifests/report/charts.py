"""Charts of the labels: boxes by condition, scatter over the measured bitrate, histogram."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

import numpy as np

from manifests.report import page
from manifests.report.rows import Labelled, by_codec, quartiles

MOST_POINTS = 3000  # points in a scatter plot
BINS = 40
NARROW = 380  # CSS pixels of a chart beside others
WIDE = 1120  # CSS pixels of a chart across the page
HISTOGRAM = 560  # CSS pixels of a chart that a phone can show whole
LONGEST_NAME = 48  # letters of a condition under a chart
_LETTER = 6.4  # CSS pixels of a letter, about


def scale_range(rows: Sequence[Labelled]) -> tuple[float, float]:
    """The range of an axis: the values with a margin, or 1 to 5 when they lie within."""
    values = [row.value for row in rows]
    low, high = min(values), max(values)
    if low >= 1 and high <= 5:
        return 1.0, 5.0
    air = 0.05 * (high - low) or 1.0
    return low - air, high + air


def boxes(rows: Sequence[Labelled], title: str) -> str:
    """One chart per codec: quartiles and extremes of every condition.

    A line joins the medians of bitrates; other conditions have no order.
    """
    ends = scale_range(rows)
    figures = []
    for index, (codec, conditions) in enumerate(by_codec(rows).items()):
        coded = all(members[0].bitrate_kbps is not None for members in conditions.values())
        labels = [f"{members[0].bitrate_kbps:g}" if coded else _shorter(name) for name, members in conditions.items()]
        axes = _categories(labels, ends, "kbps" if coded else "condition", title)
        marks = []
        for place, (condition, members) in enumerate(conditions.items()):
            values = [row.value for row in members]
            marks.append(_box(axes, place, values, f"{condition}: {_clips(len(values))}", page.series(index)))
        if coded:
            marks.append(_line(axes, [float(np.median([r.value for r in group])) for group in conditions.values()]))
        name = codec or "all conditions"
        count = sum(len(members) for members in conditions.values())
        figure = page.figure(axes.svg(marks, f"{title} of {name}"), f"{name}, {_clips(count)}")
        figures.append(_wide(figure, axes.width) if axes.width > NARROW else figure)
    return f'<div class="charts">{"".join(figures)}</div>'


def _categories(labels: Sequence[str], ends: tuple[float, float], x_title: str, y_title: str) -> page.Axes:
    """Axes with a column for each label; long labels are slanted and get the room that they need."""
    longest = max(map(len, labels))
    slanted = longest > 7
    across, down = (round(share * _LETTER * longest) for share in ((0.57, 0.82) if slanted else (0, 0)))
    left, bottom = max(52, across + 20), 42 + down
    width = max(NARROW, left + 10 + 46 * len(labels))
    return page.Axes(
        (-0.6, len(labels) - 0.4), ends, x_title, y_title, width, 258 + bottom, left, bottom, 10, labels, slanted
    )


def _shorter(name: str) -> str:
    half = LONGEST_NAME // 2
    return name if len(name) <= LONGEST_NAME else f"{name[: half - 1]}…{name[-half:]}"


def _clips(count: int) -> str:
    return page.counted(count, "degraded clip")


def _box(axes: page.Axes, place: int, values: Sequence[float], name: str, colour: int) -> str:
    low, q1, middle, q3, high = quartiles(values)
    x, left, right = axes.x(place), axes.x(place - 0.3), axes.x(place + 0.3)
    whiskers = "".join(
        f'<line class="stroke" x1="{x}" y1="{axes.y(a)}" x2="{x}" y2="{axes.y(b)}"/>'
        f'<line class="stroke" x1="{axes.x(place - 0.12)}" y1="{axes.y(a)}" x2="{axes.x(place + 0.12)}" '
        f'y2="{axes.y(a)}"/>'
        for a, b in ((low, q1), (high, q3))
    )
    height = round(max(axes.y(q1) - axes.y(q3), 0.5), 1)
    text = f"{name}; {low:.3f}, {q1:.3f}, {middle:.3f}, {q3:.3f}, {high:.3f}"
    return (
        f'<g class="s{colour}"><title>{escape(text)}</title>{whiskers}'
        f'<rect class="box" x="{left}" y="{axes.y(q3)}" width="{round(right - left, 1)}" height="{height}"/>'
        f'<line class="stroke" stroke-width="2.5" x1="{left}" y1="{axes.y(middle)}" x2="{right}" '
        f'y2="{axes.y(middle)}"/></g>'
    )


def _line(axes: page.Axes, values: Sequence[float]) -> str:
    points = " ".join(f"{axes.x(place)},{axes.y(value)}" for place, value in enumerate(values))
    return f'<polyline class="line" opacity=".35" points="{points}"/>'


def scatter(rows: Sequence[Labelled], title: str) -> str:
    """Values over the measured bitrate, one colour per codec; an even sample when there are too many.

    rows: some of them with a measured bitrate.
    """
    known = [row for row in rows if row.actual_kbps is not None]
    codecs = list(dict.fromkeys(row.codec for row in known))
    step = -(-len(known) // MOST_POINTS)
    most = max(row.actual_kbps or 0.0 for row in known)
    axes = page.Axes((0, 1.05 * most), scale_range(rows), "measured kbps", title, width=WIDE, height=400)
    marks = [
        f'<circle class="mark s{page.series(codecs.index(row.codec))}" cx="{axes.x(row.actual_kbps or 0.0)}" '
        f'cy="{axes.y(row.value)}" r="2.5"><title>{escape(f"{row.track} {row.condition}: {row.value:.3f}")}</title>'
        "</circle>"
        for row in known[::step]
    ]
    caption = f"{len(known[::step]):,} of {_clips(len(known))}" if step > 1 else _clips(len(known))
    return page.legend([codec or "not coded" for codec in codecs]) + _wide(
        page.figure(axes.svg(marks, f"{title} over measured bitrate"), caption)
    )


def histogram(rows: Sequence[Labelled], title: str) -> str:
    """How often each value occurs."""
    ends = scale_range(rows)
    counts, edges = np.histogram([row.value for row in rows], BINS, ends)
    axes = page.Axes(ends, (0, 1.05 * float(counts.max())), title, "degraded clips", width=HISTOGRAM, height=220)
    marks = [
        f'<rect class="mark s0" x="{axes.x(a)}" y="{axes.y(count)}" width="{round(axes.x(b) - axes.x(a) - 1, 1)}" '
        f'height="{round(axes.y(0) - axes.y(count), 1)}"><title>{a:.2f} to {b:.2f}: {count}</title></rect>'
        for (a, b), count in zip(pairwise(edges.tolist()), counts.tolist(), strict=True)
        if count
    ]
    return _wide(page.figure(axes.svg(marks, f"histogram of {title}"), _clips(len(rows))), HISTOGRAM, 330)


def _wide(figure: str, width: int = WIDE, least: int = 720) -> str:
    """A chart across the page: on a narrow screen it scrolls instead of shrinking until its text cannot be read.

    least: CSS pixels at which it can be read.
    """
    style = f"min-width: {min(width, least)}px; max-width: {round(1.2 * width)}px"
    return f'<div class="scroll wide"><div style="{style}">{figure}</div></div>'
