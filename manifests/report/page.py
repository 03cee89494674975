"""Self-contained HTML pages: one stylesheet, tables and SVG charts; nothing is loaded from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5b6475; --line: #d9dde5; --ground: #ffffff; --band: #f5f6f9;
  --accent: #0b62a4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --soft: #9aa3b5; --line: #39404e; --ground: #14171d; --band: #1c2028; --accent: #6db5ee; } }
body { margin: 0 auto; max-width: 1180px; padding: 1.5rem 1.25rem 4rem; color: var(--ink); background: var(--ground);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.25rem; margin: 2.4rem 0 .5rem; }
h3 { font-size: 1.02rem; margin: 1.5rem 0 .4rem; }
h2 { border-top: 1px solid var(--line); padding-top: 1.2rem; }
p, li { max-width: 76ch; } .lead, .note, figcaption, caption { color: var(--soft); } .note { font-size: .9rem; }
a { color: var(--accent); } code { font-size: .92em; } nav { margin: .8rem 0; }
nav a { margin-right: 1.1rem; white-space: nowrap; }
details { margin: .6rem 0 1rem; } summary { cursor: pointer; color: var(--soft); max-width: 90ch; }
caption { max-width: min(90ch, calc(100vw - 2.5rem)); }
.scroll { overflow-x: auto; margin: .6rem 0 1rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0 0 .35rem; }
th, td { padding: .28rem .7rem; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; background: var(--band); white-space: normal; max-width: 10rem; vertical-align: bottom; }
th.number, td.number { text-align: right; } tbody tr:hover td { background: var(--band); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr)); gap: 1rem 1.4rem; }
.charts > * { min-width: 0; } .charts > .wide { grid-column: 1 / -1; }
figure { margin: 0; } svg { width: 100%; height: auto; display: block; } figcaption { font-size: .9rem; }
svg text { fill: var(--soft); font: 12px system-ui, -apple-system, "Segoe UI", Arial, sans-serif; }
svg .grid { stroke: var(--line); stroke-width: 1; } svg .frame { fill: none; stroke: var(--soft); stroke-width: 1; }
svg .line { fill: none; stroke: var(--ink); stroke-width: 1.5; } svg .whisker { stroke-width: 1; opacity: .45; }
.s0 { --s: #0072b2; } .s1 { --s: #d55e00; } .s2 { --s: #009e73; } .s3 { --s: #cc79a7; } .s4 { --s: #e69f00; }
.s5 { --s: #56b4e9; } .s6 { --s: #8a6fd1; } .s7 { --s: #7f8793; }
audio { width: 100%; height: 36px; } svg .box { fill: var(--s); fill-opacity: .3; stroke: var(--s); }
svg .mark { fill: var(--s); fill-opacity: .8; } svg .whisker, svg .stroke { stroke: var(--s); fill: none; }
.legend { margin: .2rem 0 .8rem; font-size: .9rem; } .legend span { margin-right: 1rem; white-space: nowrap; }
.legend i { display: inline-block; width: .75em; height: .75em; border-radius: 50%; margin-right: .35em;
  background: var(--s); }
@media print { body { max-width: none; } .scroll { overflow: visible; } }
"""
SERIES = 8  # classes s0 to s7: colours that colour-blind readers can tell apart (Okabe and Ito), the last one grey


def page(title: str, lead: str, sections: Sequence[tuple[str, str]]) -> str:
    """A whole document. lead: a plain sentence under the title. sections: (heading, HTML) pairs, linked on top."""
    links = " ".join(f'<a href="#part-{i}">{escape(name)}</a>' for i, (name, _) in enumerate(sections))
    body = "\n".join(f'<h2 id="part-{i}">{escape(name)}</h2>\n{html}' for i, (name, html) in enumerate(sections))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f'<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n'
        f"<nav>{links}</nav>\n{body}\n</body>\n</html>\n"
    )


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 clip`, `2,000 clips`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def paragraph(text: str, kind: str = "") -> str:
    """Plain text as a paragraph. kind: "", "note" or "lead"."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", text_columns: int = 1) -> str:
    """A table of plain text: the first `text_columns` columns are aligned left, the numbers after them right.

    Wide tables scroll sideways on a narrow screen.
    """

    def cells(tag: str, values: Sequence[str]) -> str:
        kinds = ("" if i < text_columns else ' class="number"' for i in range(len(values)))
        return "".join(f"<{tag}{kind}>{escape(value)}</{tag}>" for kind, value in zip(kinds, values, strict=True))

    body = "".join(f"<tr>{cells('td', row)}</tr>\n" for row in rows)
    top = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = f"<thead><tr>{cells('th', header)}</tr></thead>"
    return f'<div class="scroll"><table>{top}{head}<tbody>\n{body}</tbody></table></div>'


def folded(summary: str, html: str) -> str:
    """HTML that is hidden until the reader opens it."""
    return f"<details><summary>{escape(summary)}</summary>{html}</details>"


def legend(names: Sequence[str]) -> str:
    """The colours of the series in order; from the eighth on they share one."""
    keys = (f'<span class="s{series(i)}"><i></i>{escape(name)}</span>' for i, name in enumerate(names))
    return f'<p class="legend">{"".join(keys)}</p>'


def series(index: int) -> int:
    """The colour class number of the index-th series."""
    return min(index, SERIES - 1)


def figure(svg: str, caption: str) -> str:
    """A chart with its caption."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers within low to high."""
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(unit for unit in (1, 2, 2.5, 5, 10) if rough <= unit * power * 1.0001)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


@dataclass(frozen=True)
class Axes:
    """The frame of a chart: value ranges, axis titles, size in CSS pixels. Marks are SVG placed with `x` and `y`.

    x_labels: categories under x = 0, 1, 2, ... instead of numbers. slanted: set them at an angle, for long names.
    """

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_title: str
    y_title: str
    width: int = 380
    height: int = 300
    left: int = 52
    bottom: int = 42
    margin: int = 10
    x_labels: Sequence[str] = ()
    slanted: bool = False

    def x(self, value: float) -> float:
        """Pixels from the left edge."""
        low, high = self.x_range
        return round(self.left + (value - low) / (high - low) * (self.width - self.left - self.margin), 1)

    def y(self, value: float) -> float:
        """Pixels from the upper edge."""
        low, high = self.y_range
        share = (value - low) / (high - low)
        return round(self.height - self.bottom - share * (self.height - self.bottom - self.margin), 1)

    def svg(self, marks: Iterable[str], name: str) -> str:
        """The chart as SVG. marks: its elements. name: text for screen readers."""
        left, right, top, bottom = self.left, self.width - self.margin, self.margin, self.height - self.bottom
        middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
        parts = [f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(name)}">']
        for place, text in enumerate(self.x_labels):
            at, under = self.x(place), bottom + 16
            turn = (
                f' transform="rotate(-55 {at} {under})" text-anchor="end"' if self.slanted else ' text-anchor="middle"'
            )
            parts.append(f'<text x="{at}" y="{under}"{turn}>{escape(text)}</text>')
        for value in () if self.x_labels else ticks(*self.x_range):
            at = self.x(value)
            parts.append(f'<line class="grid" x1="{at}" y1="{top}" x2="{at}" y2="{bottom}"/>')
            parts.append(f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>')
        for value in ticks(*self.y_range):
            at = self.y(value)
            parts.append(f'<line class="grid" x1="{left}" y1="{at}" x2="{right}" y2="{at}"/>')
            parts.append(f'<text x="{left - 6}" y="{at + 4}" text-anchor="end">{value:g}</text>')
        parts.append(f'<rect class="frame" x="{left}" y="{top}" width="{right - left}" height="{bottom - top}"/>')
        parts += marks
        parts.append(f'<text x="{middle_x}" y="{self.height - 6}" text-anchor="middle">{escape(self.x_title)}</text>')
        turn = f"translate(13 {middle_y}) rotate(-90)"
        parts.append(f'<text transform="{turn}" text-anchor="middle">{escape(self.y_title)}</text></svg>')
        return "\n".join(parts)
