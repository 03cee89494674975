"""The commands `labels compare` and `labels codecs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deepaq.comparison.command import comparison_options
from deepaq.comparison.decision import How, decide
from deepaq.console import PATH, complain, finish, json_option, note, print_json
from deepaq.errors import UserError

DATA = click.argument("data", type=PATH)


@click.command()
@DATA
@click.argument("sides", nargs=-1, required=True, metavar="A B [C...]")
@comparison_options
def compare(data: Path, sides: tuple[str, ...], **options: Any) -> None:
    """Compare codecs of DATA like `deepaq compare`: which is better, with an interval over tracks, and gates.

    A, B, ... are written CODEC@KBPS, such as opus@64, or are names of conditions, such as noise-3. Where a codec has
    several builds in DATA, #ID tells them apart; the error lists the ids. With --baseline, DATA B.
    """
    from labels.codecs.sides import sides as sides_of
    from manifests.dataset import Dataset

    how = How(**options)
    how.check(len(sides))
    decide(*sides_of(Dataset(data), sides), how)


@click.command()
@DATA
@click.option("--rater", "raters", multiple=True, help="Let this rater judge; repeatable.  [default: visqol, if any]")
@click.option("--codecs", "only", default="", help="Compare only these, comma-separated.  [default: all]")
@click.option("--at", multiple=True, type=float, help="Print the bitrate that reaches this value; repeatable.")
@click.option("--out", type=PATH, help="Write report.html, .md, .json and results.csv here.")
@click.option("--resamples", default=1000, show_default=True, help="Draw this many resamples of the tracks.")
@click.option("--seed", default=0, show_default=True, help="Seed the resampling.")
@json_option
def codecs(
    data: Path,
    raters: tuple[str, ...],
    only: str,
    at: tuple[float, ...],
    out: Path | None,
    resamples: int,
    seed: int,
    as_json: bool,
) -> None:
    """Plot quality over measured bitrate for the codecs of DATA, with BD-rates between any two.

    Values are those of raters that have rated DATA (`labels visqol`, `labels rate`), or the listeners'. Every figure
    has an interval over tracks. Where raters disagree about the order of two codecs, that is printed first.
    """
    from labels.codecs import report, stage

    if out and out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: is a file, a folder is needed")
    names = tuple(name for name in only.split(",") if name)
    found = stage.codecs(data, stage.CodecsSettings(raters, names, at, resamples, seed))
    if out:
        report.write(found, out)
        note(f"report: {out / 'report.html'}")
    for line in found["errors"]:
        complain(line)
    if as_json:
        print_json(found)
    else:
        for line in report.text(found):
            click.echo(line)
    finish(len(found["errors"]))
