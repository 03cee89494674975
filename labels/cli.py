"""The `labels` command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deepaq.console import Console, complain, finish, json_option, note, print_json, quiet_option

DATA = click.argument("data", type=click.Path(path_type=Path))


@click.group(cls=Console)
@click.version_option(package_name="deepaq")
def main() -> None:
    """Label the pairs of a data set with what raters think of them."""


def work_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that rates a data set."""
    options = [
        click.option("--jobs", type=int, default=None, help="Worker processes.  [default: one per processor]"),
        click.option("--shard", default=None, help="i/n: do only the i-th of n parts."),
        click.option("--dask", default=None, help="Scheduler address of a Dask cluster to run on."),
        click.option("--retry-failed", is_flag=True, help="Do failed rows again."),
        click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing."),
        json_option,
        quiet_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@DATA
@work_options
def visqol(data: Path, **options: Any) -> None:
    """ViSQOL v3 MOS-LQO (audio mode) of every degraded version in DATA."""
    _rate(data, "visqol", **options)


@main.command()
@DATA
@click.option("--rater", "name", required=True, help="Name of a registered rater.")
@work_options
def rate(data: Path, name: str, **options: Any) -> None:
    """The values of any registered rater for every degraded version in DATA."""
    _rate(data, name, **options)


def _rate(
    data: Path,
    name: str,
    jobs: int | None,
    shard: str | None,
    dask: str | None,
    retry_failed: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    from labels import rate as stage
    from manifests.jobs import cpu_count, parse_shard

    settings = stage.Settings(
        jobs=cpu_count() if jobs is None else jobs,
        shard=parse_shard(shard),
        dask=dask,
        retry_failed=retry_failed,
        quiet=quiet,
    )
    if dry_run:
        _show(stage.plan(data, name, settings), as_json)
        return
    result = stage.rate(data, name, settings)
    for line in result.pop("errors"):
        complain(line)
    _show(result, as_json)
    finish(result["failed"])


def _show(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(values)
    else:
        for key, value in values.items():
            note(f"{key}: {value:.1f}" if isinstance(value, float) else f"{key}: {value}")
