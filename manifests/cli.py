"""The `manifests` command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deepaq.console import Console, complain, finish, json_option, note, one_line, print_json
from deepaq.errors import UserError

DATA = click.argument("data", type=click.Path(path_type=Path))


@click.group(cls=Console, extra="prep")
@click.version_option(package_name="deepaq")
def main() -> None:
    """Inspect, check, compact, compare, report and export a data set folder."""


@main.command()
@DATA
@json_option
def show(data: Path, as_json: bool) -> None:
    """Count rows per table, and per codec and bitrate with mean measured kbps and mean MOS."""
    from manifests.dataset import Dataset
    from manifests.report.summary import summarise

    summary = summarise(Dataset(data))
    if as_json:
        print_json(summary)
    else:
        _print_tables(summary)


@main.command()
@DATA
@click.option("--deep", is_flag=True, help="Also compare every file with its checksum.")
@json_option
def check(data: Path, deep: bool, as_json: bool) -> None:
    """Verify values, ids, splits, files and their sizes; exit 1 when something is wrong."""
    from manifests.check import problems, remarks
    from manifests.dataset import Dataset

    found = list(problems(Dataset(data), deep))
    notes = [] if found else list(remarks(Dataset(data)))
    for line in found:
        complain(line)
    for line in notes:
        note(line)
    if as_json:
        print_json({"problems": len(found), "lines": found, "notes": notes})
    elif not found:
        note(f"{data}: no problems found")
    finish(len(found))


@main.command()
@DATA
@json_option
def compact(data: Path, as_json: bool) -> None:
    """Merge the many small files of the tables into few; an interruption loses nothing."""
    from manifests.compact import compact as merge
    from manifests.dataset import Dataset

    result = merge(Dataset(data))
    if as_json:
        print_json(result)
    for folder, counts in {} if as_json else result.items():
        note(f"{folder}: {counts['before']} fragments merged into {counts['after']}")


@main.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--tolerance", default=1e-6, show_default=True, help="Largest difference of equal numbers.")
@click.option(
    "--content", is_flag=True, help="Ignore settings and software versions in the exit code; they are only shown."
)
@json_option
def diff(a: Path, b: Path, tolerance: float, content: bool, as_json: bool) -> None:
    """Explain how the data sets A and B differ; exit 0 when they are equal, 1 when they are not."""
    from manifests.dataset import Dataset
    from manifests.diff import diff as compare
    from manifests.diff import explain

    found = compare(Dataset(a), Dataset(b), tolerance)
    if as_json:
        print_json(found)
    else:
        for line in explain(found):
            click.echo(one_line(line))
    finish(not found["same_content" if content else "equal"])


@main.command()
@DATA
@click.option("--out", type=click.Path(path_type=Path), help="File to write.  [default: DATA/report.html]")
@click.option(
    "--rater", default=None, help="Rater to report on.  [default: visqol if it has labels, else the one with most]"
)
@click.option("--clips", default=4, show_default=True, help="Number of clips to listen to at either end of the scale.")
@json_option
def report(data: Path, out: Path | None, rater: str | None, clips: int, as_json: bool) -> None:
    """Write one self-contained HTML page about the labels in DATA, with clips to listen to."""
    from manifests.dataset import Dataset
    from manifests.report import write_report

    result = write_report(Dataset(data), out or data / "report.html", rater, clips)
    if as_json:
        print_json(result)
    else:
        note(f"{result['path']}: {result['versions']} degraded clips rated by {result['rater']}")


@main.command()
@DATA
@click.option("--croissant", "form", flag_value="croissant", help="Write a JSON-LD description into DATA.")
@click.option("--datasets", "form", flag_value="datasets", help="Write a folder for Hugging Face datasets.")
@click.option("--webdataset", "form", flag_value="webdataset", help="Write tar shards with one sample per clip.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Name the new folder, or the Croissant file.  [default: DATA/croissant.json]",
)
@click.option(
    "--shard-mb",
    type=click.FloatRange(0.001),
    default=500.0,
    show_default=True,
    help="Set the approximate file size in MB.",
)
@click.option("--name", help="Name the data set (Croissant).  [default: the name of DATA]")
@click.option("--licence", help="Give the licence as an address or SPDX name (Croissant).")
@click.option("--citation", help="Say how to cite the data set (Croissant).")
@click.option("--creator", help="Name who made the data set (Croissant).")
@click.option("--url", help="Give the address of the published data set (Croissant).")
@json_option
def export(
    data: Path,
    form: str | None,
    out: Path | None,
    shard_mb: float,
    as_json: bool,
    licence: str | None,
    citation: str | None,
    **about: str | None,
) -> None:
    """Export DATA as Croissant, Hugging Face datasets or WebDataset. Failed rows are left out."""
    from manifests.dataset import Dataset
    from manifests.export import croissant, hub, shards

    if form is None:
        raise UserError("choose a format: --croissant, --datasets or --webdataset")
    if out is None and form != "croissant":
        raise UserError(f"--{form}: name the new folder with --out")
    dataset, size = Dataset(data), round(1e6 * shard_mb)
    if form == "croissant":
        known = {**about, "license": licence, "citeAs": citation}
        result = croissant.export(dataset, out, {key: value for key, value in known.items() if value})
    else:
        result = (hub if form == "datasets" else shards).export(dataset, out, size)
    if as_json:
        print_json(result)
    else:
        note(", ".join(f"{key}: {value}" for key, value in result.items()))


def _print_tables(summary: dict[str, Any]) -> None:
    from manifests.report.summary import by_rater

    tables = summary["tables"]
    rows = [("references", tables["references"]), ("degraded", tables["degraded"])]
    rows += by_rater(tables["labels"]).items()
    click.echo(f"{'table':<20}{'rows':>8}{'ok':>8}{'failed':>8}{'skipped':>9}")
    for name, counts in rows:
        click.echo(
            f"{one_line(name):<20}{counts['rows']:>8}{counts['ok']:>8}{counts['failed']:>8}{counts['skipped']:>9}"
        )
    click.echo(f"\n{summary['hours']:.3f} h of clean clips; splits: {summary['splits']}\n")
    click.echo(f"{'condition':<20}{'count':>8}{'kbps':>10}{'MOS':>8}")
    for row in summary["conditions"]:
        click.echo(
            f"{one_line(row['condition']):<20}{row['count']:>8}{_number(row['mean_actual_kbps'], 1):>10}"
            f"{_number(row['mean_mos'], 3):>8}"
        )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
