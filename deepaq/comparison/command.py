"""The command `deepaq compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepaq import extras
from deepaq.console import complain, device_option, finish, json_option, note, print_json
from deepaq.errors import UserError

if TYPE_CHECKING:
    from deepaq.comparison.side import Side

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("originals", type=_PATH)
@click.argument("sides", nargs=-1, required=True, type=_PATH)
@click.option("--baseline", type=_PATH, help="Compare with these scores instead of with a folder A.")
@click.option("--save-baseline", type=_PATH, help="Write the scores of the last folder, to compare later builds with.")
@click.option("--max-drop", type=float, help="Exit with 1 when the mean surely falls by more MOS than this.")
@click.option("--max-tail-drop", type=float, help="Exit with 1 when a file, or the 5th percentile, falls by more.")
@click.option("--max-worst-drop", type=float, help="Exit with 1 when any second falls by more.")
@click.option("--markdown", type=_PATH, help="Write a section for a pull request or a job summary.")
@click.option("--page", type=_PATH, help="Write one HTML page with charts and the worst moments to hear.")
@click.option("--model", type=_PATH, help="Run folder, hub:OWNER/NAME or compact-2026a.  [default: the packaged model]")
@click.option("--keep-level", is_flag=True, help="Score a constant gain, too.")
@device_option
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Worker processes.")
@json_option
def compare(
    originals: Path,
    sides: tuple[Path, ...],
    baseline: Path | None,
    save_baseline: Path | None,
    max_drop: float | None,
    max_tail_drop: float | None,
    max_worst_drop: float | None,
    markdown: Path | None,
    page: Path | None,
    model: Path | None,
    keep_level: bool,
    device: str,
    jobs: int,
    as_json: bool,
) -> None:
    """Compare codecs: ORIGINALS A B [C...], each a folder with files of the same names.

    Says whether B (and C, ...) is better or worse than A, with an interval, the worst file and the worst second. A file
    that is missing or cannot be scored on one side fails the comparison. With --baseline, ORIGINALS B.
    """
    from deepaq.batch.pairs import by_name
    from deepaq.batch.run import Scoring
    from deepaq.comparison import baseline as baselines
    from deepaq.comparison import report
    from deepaq.comparison.comparison import compare as compared
    from deepaq.comparison.gates import Gates
    from deepaq.comparison.side import score_side
    from deepaq.files import check_writable

    gates = Gates(max_drop, max_tail_drop, max_worst_drop)
    if len(sides) < (1 if baseline else 2) and not save_baseline:
        raise UserError("name two folders, A and B, to compare; or one with --baseline or --save-baseline")
    for path, option in ((save_baseline, "--save-baseline"), (markdown, "--markdown"), (page, "--page")):
        if path:
            check_writable(path, option)
    if page:
        with extras.required(f"--page {page}"):
            import matplotlib  # noqa: F401
    clean = by_name(originals)
    how = Scoring(model, device, not keep_level)
    fingerprint = how.metric.fingerprint
    known = [baselines.read(baseline, clean, fingerprint, keep_level)] if baseline else []
    for folder in sides:
        known.append(score_side(clean, folder, how, jobs))
    _rename(known)
    found = [compared(known[0], other) for other in known[1:]]
    problems = list(dict.fromkeys(problem for side in known for problem in side.problems))
    failures = [line for comparison in found for line in gates.failures(comparison)]
    warnings = [line for comparison in found for line in gates.warnings(comparison)]
    for line in [*problems, *failures]:
        complain(line)
    for line in warnings:
        note(line)
    if save_baseline:
        baselines.write(save_baseline, known[-1], clean, fingerprint, keep_level)
        note(f"{save_baseline}: scores of {len(known[-1].scores)} files")
    if markdown:
        markdown.write_text(report.markdown(found, failures, warnings), encoding="utf-8")
    if page and found:
        from deepaq.comparison.page import write

        write(page, clean, known, found, [*problems, *failures])
    if as_json:
        rows = [comparison.to_json() for comparison in found]
        print_json(rows[0] if len(rows) == 1 else rows)
    else:
        for comparison in found:
            for line in report.text(comparison):
                click.echo(line)
    finish(len(problems) + len(failures))


def _rename(sides: list[Side]) -> None:
    """Tell sides of one name apart by a number."""
    names = [side.name for side in sides]
    for number, side in enumerate(sides, 1):
        if names.count(side.name) > 1:
            side.name = f"{side.name} ({number})"
