"""Results of `training fit` as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from training.loop.plan import Plan
from training.results.remarks import TITLES, basis, spread


def print_plan(plan: Mapping[str, Any]) -> None:
    """Print what a dry run found."""
    for line in Plan.from_json(plan).lines():
        click.echo(line)


def print_validation(result: Mapping[str, Any]) -> None:
    """Print SRCC and PCC of every system per mode and codec, what they rest on, and remarks."""
    validation = result["validation"]
    for mode, title in TITLES.items():
        groups = list(validation["trained"][mode])
        every = validation["trained"][mode]["all"]
        click.echo(f"\n{title}: SRCC / PCC with the labels of {basis(every)}, held out")
        click.echo(f"{'':<12}" + "".join(f"{group:>16}" for group in groups))
        for system, found in validation.items():
            cells = [
                f"{_number(found[mode][group]['srcc'])} / {_number(found[mode][group]['pcc'])}" for group in groups
            ]
            click.echo(f"{system:<12}" + "".join(f"{cell:>16}" for cell in cells))
        click.echo(f"95 % interval of the trained network's SRCC over tracks: {spread(every)}")
    if result.get("remarks"):
        click.echo()
    for remark in result.get("remarks", ()):
        click.echo(remark)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
