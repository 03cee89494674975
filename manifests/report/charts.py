"""The charts of the labels: boxes by condition, scatter over the measured bitrate, how they crowd near the top."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

import numpy as np

from manifests.report import page
from manifests.report.rows import Labelled, by_codec, quartiles

MOST_POINTS = 3000  # of a scatter plot
BINS = 40
WIDE = 1120  # CSS pixels of a chart across the page


def scale_range(rows: Sequence[Labelled]) -> tuple[float, float]:
    """The values' range with some air; 1 to 5 for values of a MOS."""
    values = [row.value for row in rows]
    low, high = min(values), max(values)
    if low >= 1 and high <= 5:
        return 1.0, 5.0
    air = 0.05 * (high - low) or 1.0
    return low - air, high + air


def boxes(rows: Sequence[Labelled], title: str) -> str:
    """One chart per codec: quartiles and extremes of every condition."""
    ends = scale_range(rows)
    figures = []
    for index, (codec, conditions) in enumerate(by_codec(rows).items()):
        labels = [_short(members[0], codec) for members in conditions.values()]
        wide = max(380, 60 + 46 * len(labels))
        bitrates = any(members[0].bitrate_kbps is not None for members in conditions.values())
        axes = page.Axes(
            (-0.6, len(labels) - 0.4), ends, "kbps" if bitrates else "condition", title, width=wide, x_labels=labels
        )
        marks = []
        for place, (condition, members) in enumerate(conditions.items()):
            values = [row.value for row in members]
            marks.append(_box(axes, place, values, f"{condition}: {len(values)} versions", page.series(index)))
        marks.append(_line(axes, [float(np.median([r.value for r in members])) for members in conditions.values()]))
        name = codec or "conditions"
        count = sum(len(members) for members in conditions.values())
        figures.append(page.figure(axes.svg(marks, f"{title} of {name}"), f"{name}, {count} versions"))
    return f'<div class="charts">{"".join(figures)}</div>'


def _short(row: Labelled, codec: str) -> str:
    if row.bitrate_kbps is not None:
        return f"{row.bitrate_kbps:g}"
    return row.condition.removeprefix(codec).strip("-_ ")[:8] or row.condition[:8]


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
    """Values over the measured bitrate, a colour per codec; an even sample where there are too many."""
    known = [row for row in rows if row.actual_kbps is not None]
    if not known:
        return page.paragraph("No bitrates were measured: the versions are not coded.")
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
    caption = f"{len(known[::step])} of {len(known)} versions" if step > 1 else f"{len(known)} versions"
    return page.legend(codecs) + _wide(page.figure(axes.svg(marks, f"{title} over measured bitrate"), caption))


def histogram(rows: Sequence[Labelled], title: str) -> str:
    """How often each value occurs."""
    ends = scale_range(rows)
    counts, edges = np.histogram([row.value for row in rows], BINS, ends)
    axes = page.Axes(ends, (0, 1.05 * float(counts.max())), title, "versions", width=WIDE, height=260)
    marks = [
        f'<rect class="mark s0" x="{axes.x(a)}" y="{axes.y(count)}" width="{round(axes.x(b) - axes.x(a) - 1, 1)}" '
        f'height="{round(axes.y(0) - axes.y(count), 1)}"><title>{a:.2f} to {b:.2f}: {count}</title></rect>'
        for (a, b), count in zip(pairwise(edges.tolist()), counts.tolist(), strict=True)
        if count
    ]
    return _wide(page.figure(axes.svg(marks, f"histogram of {title}"), f"{len(rows)} versions"))


def _wide(figure: str) -> str:
    """On a narrow screen a wide chart is scrolled, so that its text can be read."""
    return f'<div class="scroll"><div style="min-width: 720px">{figure}</div></div>'
