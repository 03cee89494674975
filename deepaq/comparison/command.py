"""The command `deepaq compare`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deepaq.comparison.decision import How, decide
from deepaq.console import PATH, device_option, json_option


def comparison_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a comparison: the fields of `How`."""
    options = [
        click.option("--baseline", type=PATH, help="Compare with these scores instead of with a side A."),
        click.option("--save-baseline", type=PATH, help="Write the scores of the last side, to compare with later."),
        click.option("--max-drop", type=float, help="Exit with 1 when the mean surely falls by more MOS than this."),
        click.option(
            "--max-tail-drop", type=float, help="Exit with 1 when a file, or the 5th percentile, falls by more."
        ),
        click.option("--max-worst-drop", type=float, help="Exit with 1 when any second falls by more."),
        click.option("--markdown", type=PATH, help="Write a section for a pull request or a job summary."),
        click.option("--page", type=PATH, help="Write one HTML page with charts and the worst moments to hear."),
        click.option(
            "--model", type=PATH, help="Run folder, hub:OWNER/NAME or compact-2026a.  [default: the packaged model]"
        ),
        click.option("--keep-level", is_flag=True, help="Score a constant gain, too."),
        device_option,
        click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Worker processes."),
        json_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("originals", type=PATH)
@click.argument("sides", nargs=-1, required=True, type=PATH)
@comparison_options
def compare(originals: Path, sides: tuple[Path, ...], **options: Any) -> None:
    """Compare codecs: ORIGINALS A B [C...], each a folder with files of the same names.

    Says whether B (and C, ...) is better or worse than A, with an interval, the worst file and the worst second. A file
    that is missing or cannot be scored on one side fails the comparison. With --baseline, ORIGINALS B. Each may also be
    a CSV list with the columns reference and degraded; `labels compare` takes the codecs of a data set.
    """
    from deepaq.comparison import files

    how = How(**options)
    how.check(len(sides))
    clean = files.originals(originals)
    decide(clean, [files.degraded(path, clean) for path in sides], how)
