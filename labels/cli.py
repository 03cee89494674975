"""The `labels` command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deepaq.console import Console, conclude, jobs_option, json_option, print_json, quiet_option, show
from deepaq.errors import UserError

DATA = click.argument("data", type=click.Path(path_type=Path))


@click.group(cls=Console)
@click.version_option(package_name="deepaq")
def main() -> None:
    """Rate the pairs of a data set, import listening tests and compare raters with listeners."""


def work_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command that rates a data set."""
    options = [
        jobs_option,
        click.option("--shard", default=None, help="Do only the i-th of n parts, written i/n."),
        click.option(
            "--conditions", default="", help="Rate only these conditions, comma-separated patterns: opus-*,noise-3."
        ),
        click.option("--dask", default=None, help="Run on the Dask cluster with this scheduler address."),
        click.option("--retry-failed", is_flag=True, help="Retry failed rows."),
        click.option("--dry-run", is_flag=True, help="Report what would be done, without doing it."),
        json_option,
        quiet_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@DATA
@click.option(
    "--engine",
    type=click.Choice(["fast", "shipped"]),
    default=None,
    help="Fast engine, or visqol-python as shipped; values agree within 1e-6.  [default: fast, or as before]",
)
@click.option("--timeline", is_flag=True, help="Also give the MOS of segments of 4.2 s, one patch (0.6 s) apart.")
@work_options
def visqol(data: Path, engine: str | None, timeline: bool, **options: Any) -> None:
    """Rate every degraded clip in DATA with ViSQOL v3 (audio mode): MOS-LQO, 1 to 4.73."""
    own = {"engine": engine, "timeline": "4" if timeline else None}
    _rate(data, "visqol", {key: value for key, value in own.items() if value}, **options)


@main.command()
@DATA
@click.option(
    "--rater", "name", required=True, help="Name of a rater; NAME+TAG keeps labels with several settings apart."
)
@click.option(
    "--option", "-o", "own", multiple=True, metavar="KEY=VALUE", help="Set an option of the rater; repeatable."
)
@work_options
def rate(data: Path, name: str, own: tuple[str, ...], **options: Any) -> None:
    """Rate every degraded clip in DATA with any rater."""
    _rate(data, name, _pairs(own), **options)


@main.command()
@json_option
def raters(as_json: bool) -> None:
    """List the raters: their values, their options with defaults, and whether they are installed."""
    from labels.raters.rater import RATERS, described

    _table(RATERS.listing(described), as_json)


@main.command()
@json_option
def formats(as_json: bool) -> None:
    """List the formats of listening tests that `labels import` reads."""
    from labels.listening.reader import READERS, described

    _table(READERS.listing(described), as_json)


def _table(rows: dict[str, dict[str, str]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    for name, facts in rows.items():
        click.echo(f"{name:<15}" + "; ".join(f"{key} {value}" for key, value in facts.items()))


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = [setting.partition("=") for setting in settings]
    if bad := [key for key, equals, _ in pairs if not (key and equals)]:
        raise UserError(f"--option {bad[0]}: write it as key=value")
    return {key: value for key, _, value in pairs}


@main.command("import")
@click.argument("form", metavar="FORMAT")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Data set folder, new or existing.")
@click.option("--name", default=None, help="csv, webmushra: name of the test.  [default: name of PATH]")
@click.option("--scale", default=None, help="csv, webmushra: scale of the ratings.  [default: MUSHRA]")
@click.option("--lowest", default=None, help="csv, webmushra: lowest rating of the scale.")
@click.option("--highest", default=None, help="csv, webmushra: highest rating of the scale.")
@click.option(
    "--better",
    type=click.Choice(["higher", "lower"]),
    default=None,
    help="csv, webmushra: better end of the scale.  [default: higher; lower for ABX]",
)
@click.option("--licence", default=None, help="csv, webmushra: licence of ratings and audio.")
@click.option("--citation", default=None, help="csv, webmushra: citation for reports.")
@jobs_option
@click.option("--dry-run", is_flag=True, help="Report what would be done, without doing it.")
@json_option
@quiet_option
def import_(
    form: str,
    path: Path,
    out: Path,
    jobs: int | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **own: str | None,
) -> None:
    """Make a data set from a listening test: audio and ratings.

    FORMAT: igorc96, odaq, odaq-b1, odaq-b2, peass, saoc, sassec, sisec08, stahl2024, webmushra, or csv with columns
    reference, degraded and score, and optionally listener, item, condition, role, content, group (stimuli whose
    common score is all that is known), ci_low and ci_high, score_std and n_listeners, n_correct (ABX) or n_chosen
    (choice shares) with n_trials, and scale, scale_low, scale_high, better. Commas, semicolons or tabs delimit.
    A csv with columns degraded_id, score and listener adds ratings to stimuli that the data set already holds, on the
    scale of the ratings there.
    """
    from labels.importing import stage
    from manifests.jobs import workers

    settings = stage.Settings(
        options=tuple((key, value) for key, value in own.items() if value is not None),
        jobs=workers(jobs),
        quiet=quiet,
    )
    result = (stage.plan if dry_run else stage.import_test)(form, path, out, settings)
    conclude(result, as_json)


@main.command()
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--raters", required=True, help="Comma-separated names of raters.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the report.")
@click.option(
    "--fit-on", multiple=True, type=click.Path(path_type=Path), help="Data set to fit mappings on; repeatable."
)
@click.option(
    "-o",
    "--option",
    "settings",
    multiple=True,
    metavar="RATER.KEY=VALUE",
    help="Set an option of one rater; repeatable.",
)
@click.option("--resamples", default=2000, show_default=True, help="Number of bootstrap resamples.")
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
@jobs_option
@click.option("--retry-failed", is_flag=True, help="Retry ratings that failed.")
@json_option
@quiet_option
def benchmark(
    data: tuple[Path, ...],
    raters: str,
    out: Path,
    fit_on: tuple[Path, ...],
    settings: tuple[str, ...],
    resamples: int,
    seed: int,
    jobs: int | None,
    retry_failed: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare raters with listeners.

    Rates what is not rated yet in the listening tests of DATA and writes report.html, report.md, report.json,
    results.csv and stimuli.csv. Mappings to the listeners' scale are fitted on the other tests in DATA, or on those of
    --fit-on, never on the test itself.
    """
    from labels.benchmark import stage
    from manifests.jobs import workers

    how = stage.Settings(
        fit_on=fit_on,
        options=tuple(_pairs(settings).items()),
        resamples=resamples,
        seed=seed,
        jobs=workers(jobs),
        retry_failed=retry_failed,
        quiet=quiet,
    )
    report = stage.benchmark(data, raters.split(","), out, how)
    result = {"report": str(out), "tests": [test["name"] for test in report["tests"]], "errors": report["errors"]}
    conclude(result | stage.headline(report), as_json)


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
