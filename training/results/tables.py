"""The table of `training compare` as text, Markdown, CSV, LaTeX or an HTML page with a chart."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from manifests.report import page
from training.results.compare import COLUMNS, Estimate
from training.results.paired import Paired

FORMATS = ("text", "markdown", "csv", "latex", "html")
MODES = {"full": "FR", "unmatched": "NMR"}
NOTE = (
    "Mean over seeds ± half its 95 % interval (Student's t), then the 95 % interval over held-out tracks (jackknife of"
    " Fisher's z) in brackets. The last columns compare the SRCC of full references with the best trained row on the"
    " same clips: difference, p value over tracks, and p after Holm's correction."
)
_LATEX = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "±": r"$\pm$", "{": r"\{", "}": r"\}"}

Row = dict[str, Any]


def render(rows: Sequence[Row], form: str) -> str:
    """Return the rows of `compare` in one of FORMATS."""
    return {"text": _text, "markdown": _markdown, "csv": _csv, "latex": _latex, "html": _html}[form](rows)


def titles() -> list[str]:
    """Return the titles of all columns."""
    return ["", "seeds", "steps", "hours", "trained parameters", *map(_title, COLUMNS), "difference", "p", "p Holm"]


def _title(column: tuple[str, str, str]) -> str:
    mode, group, measure = column
    return f"{MODES[mode]} PCC {measure}" if group == "mapping" else f"{MODES[mode]} {group} {measure}"


def _cells(row: Row) -> list[str]:
    effort = [str(len(row["seeds"])), f"{row['steps']:,}", f"{row['hours']:,.1f}", f"{row['trainable']:,}"]
    measured = [row[" ".join(column)] for column in COLUMNS]
    pair: Paired | None = row["against best"]
    against = ["-"] * 3 if pair is None else [f"{pair.difference:+.3f}", _p(pair.p), _p(pair.holm)]
    effort = effort if row["seeds"] else ["-"] * len(effort)
    return [row["name"], *effort, *("-" if value is None else str(value) for value in measured), *against]


def _p(value: float) -> str:
    return "<.0001" if value < 0.0001 else f"{value:.4f}"


def _text(rows: Sequence[Row]) -> str:
    """Return the columns that are measured in some row, aligned."""
    table = [titles(), *map(_cells, rows)]
    shown = [place for place in range(len(table[0])) if any(line[place] not in ("-", "0") for line in table[1:])]
    widths = [max(len(line[place]) for line in table) + 2 for place in shown]
    lines = [
        "".join(
            f"{line[place]:<{width}}" if place == 0 else f"{line[place]:>{width}}"
            for place, width in zip(shown, widths, strict=True)
        ).rstrip()
        for line in table
    ]
    return "\n".join(lines) + "\n"


def _markdown(rows: Sequence[Row]) -> str:
    lines = [titles(), ["---"] + ["---:"] * (len(titles()) - 1), *map(_cells, rows)]
    table = "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
    return f"{table}\n\n{NOTE}\n"


def _csv(rows: Sequence[Row]) -> str:
    """Return one number per cell: means, half widths, ends of intervals."""
    out = io.StringIO()
    names = [" ".join(column) for column in COLUMNS]
    parts = ("mean", "half_width", "low", "high")
    header = ["name", "seeds", "steps", "hours", "trainable", *(f"{name} {part}" for name in names for part in parts)]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*header, "difference", "p", "p_holm"])
    for row in rows:
        cells: list[Any] = [row["name"], " ".join(map(str, row["seeds"])), row["steps"], row["hours"], row["trainable"]]
        for name in names:
            value: Estimate | None = row[name]
            low, high = (value.interval if value else None) or (None, None)
            cells += [value.mean, value.half_width, low, high] if value else [None] * 4
        pair: Paired | None = row["against best"]
        writer.writerow([*cells, *((pair.difference, pair.p, pair.holm) if pair else (None,) * 3)])
    return out.getvalue()


def _latex(rows: Sequence[Row]) -> str:
    """Return a tabular for the package booktabs."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join("".join(_LATEX.get(letter, letter) for letter in cell) for cell in cells) + r" \\"

    body = [line(_cells(row)) for row in rows]
    head = [rf"\begin{{tabular}}{{l{'r' * (len(titles()) - 1)}}}", r"\toprule", line(titles()), r"\midrule"]
    return "\n".join([*head, *body, r"\bottomrule", r"\end{tabular}", f"% {NOTE}"]) + "\n"


def _html(rows: Sequence[Row]) -> str:
    charts = "".join(
        page.figure(_chart(rows, column), f"{_title(column)}: means with 95 % intervals over tracks")
        for column in (("full", "all", "srcc"), ("unmatched", "codecs", "srcc"))
    )
    table = page.table(titles(), map(_cells, rows), NOTE)
    runs = sum(len(row["seeds"]) for row in rows)
    lead = f"{page.counted(runs, 'run')} of training fit, beside their untrained networks and plain distances."
    return page.page("Runs compared", lead, [("Correlations", f'<div class="charts">{charts}</div>'), ("Table", table)])


def _chart(rows: Sequence[Row], column: tuple[str, str, str]) -> str:
    """Return dots with whiskers, one per row that has the measure."""
    found = [(row["name"], value, bool(row["seeds"])) for row in rows if (value := row[" ".join(column)])]
    lows = [value.interval[0] if value.interval else value.mean for _, value, _ in found]
    axes = page.Axes(
        (-0.6, max(1, len(found)) - 0.4),
        (max(-1.0, min([0.5, *lows]) - 0.05), 1.0),
        "",
        "SRCC",
        width=max(380, 46 * len(found) + 90),
        height=380,
        bottom=150,
        x_labels=[name for name, _, _ in found],
        slanted=True,
    )
    marks = []
    for place, (name, value, trained) in enumerate(found):
        x, kind = axes.x(place), page.series(0 if trained else page.SERIES - 1)
        low, high = value.interval or (value.mean, value.mean)
        marks.append(f'<g class="s{kind}"><title>{page.escape(name)}: {page.escape(str(value))}</title>')
        marks.append(f'<line class="stroke" x1="{x}" y1="{axes.y(low)}" x2="{x}" y2="{axes.y(high)}"/>')
        marks.append(f'<circle class="mark" cx="{x}" cy="{axes.y(value.mean)}" r="4"/></g>')
    return axes.svg(marks, _title(column))
