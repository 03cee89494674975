"""The command `deepaq explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deepaq.console import PATH, json_option, note, print_json


@click.command()
@click.argument("reference", type=PATH)
@click.argument("degraded", type=PATH)
@click.option("--plot", type=PATH, help="Draw the difference over time and frequency to a .png.")
@click.option("--keep-level", is_flag=True, help="Score a constant gain, too.")
@json_option
def explain(reference: Path, degraded: Path, plot: Path | None, keep_level: bool, as_json: bool) -> None:
    """Say what the difference between REFERENCE and DEGRADED is, where and when.

    Prints three sentences, and the share of every kind of damage in the squared distance with the MOS that would
    remain without it. Of the packaged metric only: the distance of a network has no parts.
    """
    from deepaq.explanation import picture
    from deepaq.explanation.explain import explain as explained
    from deepaq.explanation.words import NAMES, percent

    if plot:
        picture.check(plot)
    found = explained(reference, degraded, match_level=not keep_level)
    for line in found.score.notes:
        note(line)
    if plot:
        picture.write(plot, found, degraded.name)
        note(f"{plot}: the difference over time and frequency")
    if as_json:
        files: dict[str, Any] = {"reference": str(reference), "degraded": str(degraded)}
        print_json(files | found.score.to_json() | found.to_json() | {"notes": list(found.score.notes)})
        return
    for line in found.sentences:
        click.echo(line)
    for kind in sorted(found.kinds, key=found.kinds.__getitem__, reverse=True):
        without = found.mos_without[kind]
        mos = "" if without is None else f", MOS {without:.2f} without it"
        if found.kinds[kind] >= 0.005:
            click.echo(f"  {NAMES[kind]:<24}{percent(found.kinds[kind]):>6}{mos}")
