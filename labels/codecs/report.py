"""The report of `labels codecs`: text, Markdown, CSV and one HTML page, all made from its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deepaq.console import one_line
from labels.benchmark.report.blocks import NONE, Block, Charts, Section, Table, Text, figure, interval
from labels.benchmark.report.write import csv_text, set_html, set_markdown, write_files
from labels.codecs.chart import chart

TITLE = "Quality over bitrate"
_SIGNS = str.maketrans("−–", "--")
RESULTS = ["rater", "content", "statistic", "codec", "against", "at", "value", "low", "high", "clips", "tracks"]


def write(report: dict[str, Any], out: Path) -> None:
    """Write report.md, report.html, results.csv (one figure per line) and report.json into the folder `out`."""
    found = sections(report)
    judges = ", ".join(one["rater"] for one in report["raters"])
    files = {
        "report.md": set_markdown(TITLE, found),
        "report.html": set_html(TITLE, f"{judges} on {report['data']}", found, chart),
        "results.csv": csv_text(_results(report)),
        "report.json": json.dumps(report, allow_nan=False, indent=1) + "\n",
    }
    write_files(files, out)


def text(report: dict[str, Any]) -> Iterator[str]:
    """Lines for a terminal; errors are printed apart."""
    for section in sections(report | {"errors": []})[:-1]:
        yield section.title
        for block in section.blocks:
            if isinstance(block, Text):
                yield f"  {_plain(block.text)}"
            elif isinstance(block, Table):
                yield from _aligned(block)
        yield ""


def sections(report: dict[str, Any]) -> list[Section]:
    """All sections in reading order, the provenance last."""
    found = []
    if report["disagreements"]:
        found.append(Section("Raters differ", [Text(line) for line in report["disagreements"]]))
    for one in report["raters"]:
        better = "higher" if one["higher_is_better"] else "lower"
        found.append(Section(f"{one['rater']} ({one['scale']}, {better} is better)", list(_of_rater(one))))
    if report["errors"]:
        found.append(Section("Failed", [Table("", ["clip"], [[line] for line in report["errors"]], folded=True)]))
    return [*found, Section("How this was made", _made(report))]


def _of_rater(one: dict[str, Any]) -> Iterator[Block]:
    yield from (Text(f"{line}.") for line in one["notes"])
    yield Charts(one)
    rows = [
        [curve["codec"], figure(p["asked_kbps"], 0), figure(p["kbps"], 1), interval(p["value"]), str(p["clips"])]
        for curve in one["curves"]
        for p in curve["points"]
    ]
    yield Table(
        f"Means over clips with 95 % intervals over {one['tracks']} tracks",
        ["codec", "kbps asked", "kbps measured", one["scale"], "clips"],
        rows,
    )
    yield from (Text(f"{curve['codec']}: {line}.") for curve in one["curves"] for line in curve["remarks"])
    if one["pairs"]:
        yield _pairs_table("BD-rate: bits that B needs more than A (negative: fewer) at equal quality", one["pairs"])
    for content, part in one["contents"].items():
        yield _pairs_table(f"BD-rate on {content}, {part['tracks']} tracks", part["pairs"])
    if one["at"]:
        rows = [
            [row["codec"], figure(row["value"]), interval(row["kbps"], 1) if row["kbps"] else row["why"]]
            for row in one["at"]
        ]
        yield Table("Bitrate at which a codec reaches a value", ["codec", one["scale"], "kbps"], rows)


def _pairs_table(caption: str, pairs: Sequence[dict[str, Any]]) -> Table:
    rows = []
    for pair in pairs:
        rate = pair["bd_rate"]
        rows.append(
            [
                pair["a"],
                pair["b"],
                interval(rate, 1) if rate else NONE,
                " to ".join(map(figure, pair["values"])) if pair["values"] else NONE,
                "; ".join(f"{interval(found['kbps'], 0)} kbps" for found in pair["crossings"]) or NONE,
                f"{_order(pair)}{'; ' + pair['why'] if rate and pair['why'] else ''}",
            ]
        )
    return Table(caption, ["A", "B", "BD-rate, %", "at values", "crossing", "fewer bits"], rows, 2)


def _order(pair: dict[str, Any]) -> str:
    rate = pair["bd_rate"]
    if rate is None:
        return str(pair["why"])
    if rate[1] is None:
        return "too few tracks to tell"
    return pair["better"] or "not told apart"


def _made(report: dict[str, Any]) -> list[Block]:
    settings = report["settings"]
    words = (
        f"Made {report['made']} by `labels codecs`, revision {report['revision']}. Curves: monotone piecewise-cubic "
        "interpolation over the logarithm of the measured bitrate, never beyond their points. BD-rate: the mean "
        "difference of that logarithm over the values that both curves have (Bjontegaard 2001). Intervals: 95 %, "
        f"Student's t times the standard error of the bootstrap over tracks ({settings['resamples']} resamples, seed "
        f"{settings['seed']}); none with fewer than four tracks, or when over a tenth of the resamples has no value."
    )
    return [Text(words), Table("", ["tool", "version"], sorted(map(list, report["tools"].items())), 2)]


def _aligned(table: Table) -> Iterator[str]:
    rows = [list(map(_plain, row)) for row in (table.header, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if table.caption:
        yield f"  {table.caption}"
    for row in rows:
        cells = (
            cell.ljust(width) if place < table.text_columns else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"    {'  '.join(cells)}".rstrip()


def _plain(text: str) -> str:
    """One line with the minus signs and dashes that every terminal can show."""
    return one_line(text).translate(_SIGNS)


def _results(report: dict[str, Any]) -> Iterator[list[Any]]:
    yield RESULTS
    for one in report["raters"]:
        name = one["rater"]
        for curve in one["curves"]:
            for p in curve["points"]:
                size = [p["clips"], p["tracks"]]
                yield [name, "", "value", curve["codec"], "", p["kbps"], *p["value"], *size]
        for content, part in (("", one), *one["contents"].items()):
            for pair in part["pairs"]:
                about = [pair["b"], pair["a"], ""]
                yield [name, content, "bd_rate", *about, *(pair["bd_rate"] or [None] * 3), "", part["tracks"]]
                for found in pair["crossings"]:
                    yield [name, content, "crossing_kbps", *about, *found["kbps"], "", part["tracks"]]
        for row in one["at"]:
            yield [name, "", "kbps", row["codec"], "", row["value"], *(row["kbps"] or [None] * 3), "", one["tracks"]]
