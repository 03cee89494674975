"""The `training` command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deepaq.console import Console, json_option, print_json, quiet_option


@click.group(cls=Console)
@click.version_option(package_name="deepaq")
def main() -> None:
    """Train a metric on a labelled data set."""


@main.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Run folder to write.")
@click.option("--recipe", default="compact", show_default=True, help="Name of a recipe, or a TOML file.")
@click.option(
    "-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting, such as optimiser.lr=1e-3."
)
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@json_option
@quiet_option
def fit(
    data: Path, out: Path, recipe: str, overrides: tuple[str, ...], overwrite: bool, as_json: bool, quiet: bool
) -> None:
    """Train on the labelled data set DATA."""
    from training import recipe as recipes
    from training.fit import fit as stage

    result = stage(data, out, recipes.load(recipe, overrides), overwrite, quiet)
    if as_json:
        print_json(result)
    else:
        _print_validation(result["validation"])


def _print_validation(validation: dict[str, Any]) -> None:
    """SRCC / PCC of every system, per mode and codec."""
    for mode, title in (("full", "full reference"), ("unmatched", "non-matching references")):
        groups = list(next(iter(validation.values()))[mode])
        click.echo(f"\n{title}: SRCC / PCC with the labels, held-out tracks")
        click.echo(f"{'':<12}" + "".join(f"{group:>16}" for group in groups))
        for system, found in validation.items():
            cells = [
                f"{_number(found[mode][group]['srcc'])} / {_number(found[mode][group]['pcc'])}" for group in groups
            ]
            click.echo(f"{system:<12}" + "".join(f"{cell:>16}" for cell in cells))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
