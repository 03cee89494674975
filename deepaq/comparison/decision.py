"""A comparison from its files to its verdict, reports and exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepaq import extras
from deepaq.backbones.device import CPU
from deepaq.console import complain, finish, note, print_json
from deepaq.errors import UserError
from deepaq.files import check_writable, write_text

if TYPE_CHECKING:
    from deepaq.comparison.files import Degraded, Originals
    from deepaq.comparison.gates import Gates
    from deepaq.comparison.side import Side


@dataclass(frozen=True)
class How:
    """How to compare and what to write: the options of the command."""

    baseline: Path | None = None
    save_baseline: Path | None = None
    max_drop: float | None = None
    max_tail_drop: float | None = None
    max_worst_drop: float | None = None
    markdown: Path | None = None
    page: Path | None = None
    model: Path | None = None
    keep_level: bool = False
    device: str = CPU
    jobs: int = 1
    as_json: bool = False

    @property
    def gates(self) -> Gates:
        """Largest drops; UserError for a drop that is none."""
        from deepaq.comparison.gates import Gates

        return Gates(self.max_drop, self.max_tail_drop, self.max_worst_drop)

    def check(self, sides: int) -> None:
        """Raise UserError for options that cannot be followed, before any work. sides: number of sides given."""
        assert self.gates
        if sides < (1 if self.baseline else 2) and not self.save_baseline:
            raise UserError("name two sides, A and B, to compare; or one with --baseline or --save-baseline")
        for path, option in (
            (self.save_baseline, "--save-baseline"),
            (self.markdown, "--markdown"),
            (self.page, "--page"),
        ):
            if path:
                check_writable(path, option)
        if self.page:
            with extras.required(f"--page {self.page}"):
                import matplotlib  # noqa: F401


def decide(clean: Originals, sides: Sequence[Degraded], how: How) -> None:
    """Compare the sides with the baseline or else the first of them; print, write what was asked for, and end.

    Exits with 1 when a file is missing or cannot be scored, or when a gate fails.
    """
    from deepaq.batch.run import Scoring
    from deepaq.comparison import baseline as baselines
    from deepaq.comparison import report
    from deepaq.comparison.comparison import compare
    from deepaq.comparison.side import score_side

    scoring = Scoring(how.model, how.device, not how.keep_level)
    fingerprint = scoring.metric.fingerprint
    known = [baselines.read(how.baseline, clean.files, fingerprint, how.keep_level)] if how.baseline else []
    known += [score_side(clean, side, scoring, how.jobs) for side in sides]
    _rename(known)
    found = [compare(known[0], other, clean.tracks) for other in known[1:]]
    problems = list(dict.fromkeys(problem for side in known for problem in side.problems))
    failures = [line for comparison in found for line in how.gates.failures(comparison)]
    warnings = [line for comparison in found for line in how.gates.warnings(comparison)]
    for line in [*problems, *failures]:
        complain(line)
    for line in warnings:
        note(line)
    if how.save_baseline:
        baselines.write(how.save_baseline, known[-1], clean.files, fingerprint, how.keep_level)
        note(f"{how.save_baseline}: scores of {len(known[-1].scores)} files")
    if how.markdown:
        write_text(how.markdown, report.markdown(found, failures, warnings))
    if how.page and found:
        from deepaq.comparison.page import write

        write(how.page, clean.files, known, found, [*problems, *failures])
    if how.as_json:
        rows = [comparison.to_json() for comparison in found]
        print_json(rows[0] if len(rows) == 1 else rows)
    else:
        for comparison in found:
            for line in report.text(comparison):
                click.echo(line)
    finish(len(problems) + len(failures))


def _rename(sides: Sequence[Side]) -> None:
    """Tell sides of one name apart by a number."""
    names = [side.name for side in sides]
    for number, side in enumerate(sides, 1):
        if names.count(side.name) > 1:
            side.name = f"{side.name} ({number})"
