"""Write a benchmark's report: JSON with everything, and Markdown, HTML and CSV made from it alone.

The files are report.json, report.md, report.html (self-contained), results.csv (one figure per line) and
stimuli.csv (one line per stimulus and rater). Each is written completely or not at all; report.json comes last.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deepaq.cells import csv_cell, markdown_text
from deepaq.files import committed, write_text
from labels.benchmark.evaluate import SYSTEM_MEAN
from labels.benchmark.leaderboard import AGGREGATED
from labels.benchmark.protocol import MAIN
from labels.benchmark.report.blocks import Charts, Section, Table, Text
from labels.benchmark.report.one_test import STATISTICS
from labels.benchmark.report.scatter import charts
from labels.benchmark.report.sections import sections
from manifests.report.page import folded, page, paragraph, table

TITLE = "Raters against listeners"


def write(report: dict[str, Any], out: Path) -> None:
    """Write all files of `report` into the folder `out`, creating it if necessary."""
    files = {
        "report.md": markdown(report),
        "report.html": html(report),
        "results.csv": csv_text(_results(report)),
        "stimuli.csv": csv_text(_stimuli(report)),
        "report.json": json.dumps(report, allow_nan=False, indent=1) + "\n",
    }
    write_files(files, out)


def write_files(files: Mapping[str, str], out: Path) -> None:
    """Write texts by name into the folder `out`, in order, each whole or not at all."""
    for name, text in files.items():
        with committed(out / name) as partial:
            write_text(partial, text)


def markdown(report: dict[str, Any]) -> str:
    """Render the report as Markdown, for a terminal, a repository or a pull request."""
    return set_markdown(TITLE, sections(report))


def set_markdown(title: str, sections: Sequence[Section]) -> str:
    """Render sections as Markdown, without charts; names that a test brings are text, never markup."""
    parts = [f"# {markdown_text(title)}\n"]
    for section in sections:
        parts.append(f"## {markdown_text(section.title)}\n")
        for block in section.blocks:
            if isinstance(block, Text):
                parts.append(f"{markdown_text(block.text)}\n")
            elif isinstance(block, Table):
                parts.append(_markdown_table(block))
    return "\n".join(parts)


def html(report: dict[str, Any]) -> str:
    """Render the report as one HTML page."""
    better = {rater["name"]: bool(rater["higher_is_better"]) for rater in report["raters"]}
    tests = ", ".join(test["about"]["title"] for test in report["tests"])
    lead = f"{', '.join(better)} on {tests}"
    return set_html(TITLE, lead, sections(report), lambda shown: charts(shown, better))


def set_html(title: str, lead: str, sections: Sequence[Section], draw: Callable[[dict[str, Any]], str]) -> str:
    """Render sections as one HTML page. draw: gives the HTML of charts, from what `Charts` holds."""
    parts = []
    for section in sections:
        body = []
        for block in section.blocks:
            if isinstance(block, Text):
                body.append(paragraph(block.text, "note" if block.note else ""))
            elif isinstance(block, Table) and block.folded:
                body.append(folded(block.caption, table(block.header, block.rows, "", block.text_columns)))
            elif isinstance(block, Table):
                body.append(table(block.header, block.rows, block.caption, block.text_columns))
            elif isinstance(block, Charts):
                body.append(draw(block.shown))
        parts.append((section.title, "\n".join(body)))
    return page(title, lead, parts)


def _markdown_table(block: Table) -> str:
    def line(cells: Any) -> str:
        return "| " + " | ".join(markdown_text(cell).replace("|", "\\|") for cell in cells) + " |"

    rule = ["---" if i < block.text_columns else "---:" for i in range(len(block.header))]
    lines = [line(block.header), line(rule), *map(line, block.rows)]
    return (f"{markdown_text(block.caption)}\n\n" if block.caption else "") + "\n".join(lines) + "\n"


def _results(report: dict[str, Any]) -> Iterator[list[Any]]:
    yield ["test", "protocol", "rater", "mapping", "statistic", "value", "low", "high", "stimuli", "items"]
    for test in report["tests"]:
        for part in test["protocols"]:
            about = [test["name"], part["protocol"]]
            for result in [*part["results"], {"rater": SYSTEM_MEAN, **part[SYSTEM_MEAN]}]:
                size = [result["stimuli"], part["items"]]
                for name in STATISTICS:
                    if name in result:
                        yield [*about, result["rater"], "", name, *result[name], *size]
                for mapping, found in result.get("mapped", {}).items():
                    for name, numbers in found.items():
                        yield [*about, result["rater"], mapping, name, *numbers, *size]
            for name, value in (part["ceiling"] or {}).items():
                yield [*about, "listeners", "", name, value, None, None, part["stimuli"], part["items"]]
    for row in (report["leaderboard"] or {"rows": []})["rows"]:
        about = ["odaq (leaderboard)", MAIN, row["rater"], ""]
        for name, value in (row["methods"] | {AGGREGATED: row[AGGREGATED]}).items():
            yield [*about, f"absolute pcc, {name}", value, None, None, row["stimuli"], None]
    for row in report["overall"]:
        for way in ("average", "pooled"):
            for name, numbers in row[way].items():
                yield [f"all ({way})", row["protocol"], row["rater"], "", name, *numbers, row["stimuli"], None]


def _stimuli(report: dict[str, Any]) -> Iterator[list[Any]]:
    names = ["degraded_id", "item", "condition", "content", "role", "mean", "ci_low", "ci_high"]
    raters = [rater["name"] for rater in report["raters"]]
    yield ["test", *names, *raters]
    for test in report["tests"]:
        for row in test["stimuli"]:
            yield [test["name"], *(row[name] for name in names), *(row["values"][rater] for rater in raters)]


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Render rows as CSV in which no cell is a formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([list(map(csv_cell, row)) for row in rows])
    return text.getvalue()
