"""The command `labels compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deepaq.comparison.command import comparison_options
from deepaq.comparison.decision import How, decide

DATA = click.argument("data", type=click.Path(path_type=Path))


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
