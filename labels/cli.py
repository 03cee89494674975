"""The `labels` command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deepaq.console import (
    KEY_VALUE,
    PATH,
    Console,
    conclude,
    jobs_option,
    json_option,
    print_json,
    quiet_option,
    show,
)
from labels.benchmark.command import benchmark
from labels.codecs.command import codecs, compare

DATA = click.argument("data", type=PATH)
OWN_TEST = {  # description of a user's own test
    "name": "Name the test (csv, webmushra).  [default: the name of PATH]",
    "scale": "State the scale (csv, webmushra).  [default: as the table says, else MUSHRA]",
    "lowest": "State the lowest rating of the scale (csv, webmushra).",
    "highest": "State the highest rating of the scale (csv, webmushra).",
    "better": "State the better end of the scale, higher or lower (csv, webmushra).  [default: lower for ABX]",
    "licence": "State the licence of ratings and audio (csv, webmushra).",
    "citation": "State what a report cites (csv, webmushra).",
}


@click.group(cls=Console, extra="labels")
@click.version_option(package_name="deepaq")
def main() -> None:
    """Rate the pairs of a data set, import listening tests, and compare raters with listeners."""


def work_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options shared by all commands that rate a data set."""
    options = [
        jobs_option,
        click.option("--shard", default=None, help="Rate only the i-th of n parts, written i/n."),
        click.option("--conditions", default="", help="Rate only these, as comma-separated patterns: opus-*,noise-3."),
        click.option("--dask", default=None, help="Run on a Dask cluster, given by the address of its scheduler."),
        click.option("--retry-failed", is_flag=True, help="Rate failed rows again."),
        click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing."),
        json_option,
        quiet_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def own_test_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that describe a user's own test."""
    for name, text in reversed(OWN_TEST.items()):
        command = click.option(f"--{name}", default=None, help=text)(command)
    return command


@main.command()
@DATA
@click.option(
    "--engine",
    type=click.Choice(["exact", "fast", "shipped"]),
    default=None,
    help="Give the values of Google's C++ program, or those of visqol-python 3.8.0 by our engine or the package itself."
    "  [default: exact, or as before]",
)
@click.option("--timeline", is_flag=True, help="Add the MOS of segments of 4.2 s, 0.6 s apart.")
@work_options
def visqol(data: Path, engine: str | None, timeline: bool, **options: Any) -> None:
    """Rate every degraded file in DATA by ViSQOL v3 in audio mode (MOS-LQO)."""
    own = {"engine": engine, "timeline": "4" if timeline else None}
    _rate(data, "visqol", {key: value for key, value in own.items() if value}, **options)


@main.command()
@DATA
@click.option("--rater", "name", required=True, help="Use this rater; NAME+TAG keeps several settings apart.")
@click.option("--option", "-o", "own", multiple=True, type=KEY_VALUE, help="Set a rater's option; repeatable.")
@work_options
def rate(data: Path, name: str, own: tuple[tuple[str, str], ...], **options: Any) -> None:
    """Rate every degraded file in DATA by any registered rater."""
    _rate(data, name, dict(own), **options)


@main.command()
@json_option
def raters(as_json: bool) -> None:
    """List the registered raters: their values, options with defaults, and whether they can be used here."""
    from labels.raters.rater import RATERS, described

    _table(RATERS.listing(described), as_json)


@main.command()
@json_option
def formats(as_json: bool) -> None:
    """List the formats of listening tests that `labels import` reads, and whose ratings they hold."""
    from labels.listening.reader import READERS, described

    _table(READERS.listing(described), as_json)


def _table(rows: dict[str, dict[str, str]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    for name, facts in rows.items():
        click.echo(f"{name:<15}" + "; ".join(f"{key} {value}" for key, value in facts.items()))


@main.command("import")
@click.argument("form", metavar="FORMAT")
@click.argument("path", type=PATH)
@click.option("--out", required=True, type=PATH, help="Write into this data set folder, new or existing.")
@own_test_options
@click.option("--outside", is_flag=True, help="Take audio from outside the test's folder, too.")
@jobs_option
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@json_option
@quiet_option
def import_(
    form: str,
    path: Path,
    out: Path,
    outside: bool,
    jobs: int | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **own: str | None,
) -> None:
    """Make a data set of a listening test: audio and ratings.

    FORMAT: igorc96, odaq, odaq-b1, odaq-b2, odaq-neural, odaq-stereo, peass, saoc, sassec, sisec08, stahl2024,
    webmushra, or csv with columns reference, degraded and score, and optionally listener, item, condition, role,
    content, group (stimuli whose common score is all that is known), ci_low and ci_high, score_std and n_listeners,
    n_correct (ABX) or n_chosen (choice shares) with n_trials, and scale, scale_low, scale_high, better. Commas,
    semicolons or tabs delimit.
    A csv with columns degraded_id, score and listener adds ratings to stimuli that the data set already holds, on the
    scale of the ratings there.
    """
    from labels.importing import stage
    from manifests.jobs import workers

    settings = stage.ImportSettings(
        options=tuple((key, value) for key, value in own.items() if value is not None),
        jobs=workers(jobs),
        outside=outside,
        quiet=quiet,
    )
    result = (stage.plan if dry_run else stage.import_test)(form, path, out, settings)
    conclude(result, as_json)


def _rate(
    data: Path,
    name: str,
    own: dict[str, str],
    jobs: int | None,
    shard: str | None,
    conditions: str,
    dask: str | None,
    retry_failed: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    from labels.rating import stage as stage
    from manifests.jobs import parse_shard, workers

    settings = stage.Settings(
        options=tuple(sorted(own.items())),
        jobs=workers(jobs),
        shard=parse_shard(shard),
        conditions=tuple(conditions.replace(" ", "").split(",")) if conditions else (),
        dask=dask,
        retry_failed=retry_failed,
        quiet=quiet,
    )
    if dry_run:
        show(stage.plan(data, name, settings), as_json)
        return
    conclude(stage.rate(data, name, settings), as_json)


for command in (benchmark, compare, codecs):
    main.add_command(command)
