"""The `deepaq` command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from deepaq.comparison.command import compare
from deepaq.console import Console, complain, device_option, finish, json_option, note, one_line, print_json
from deepaq.errors import UserError
from deepaq.explanation.command import explain
from deepaq.watching.command import watch


class SoundPath(click.Path):
    """A non-empty path; click would take an empty name, as from an unset variable, for the current folder."""

    def __init__(self, allow_dash: bool = False) -> None:
        super().__init__(readable=False, allow_dash=allow_dash, path_type=Path)  # an unreadable file is a failed row

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value):
            self.fail("an empty name is not a file", param, ctx)
        return super().convert(value, param, ctx)


MODEL = click.option(
    "--model", type=click.Path(path_type=Path), help="Run folder, or hub:OWNER/NAME.  [default: the packaged model]"
)


@click.group(cls=Console)
@click.version_option(package_name="deepaq")
def main() -> None:
    """Score audio quality."""


@main.command()
@click.argument("sounds", nargs=-1, type=SoundPath(allow_dash=True))
@click.option("--against", type=SoundPath(), help="Folder of clean music to use as the references.")
@click.option("--no-reference", is_flag=True, help="Compare with the statistics of clean music in the package.")
@click.option("--references", type=click.IntRange(min=1), help="Use at most so many files of --against.")
@click.option("--pairs", "pairs_file", help="CSV file with the columns reference and degraded; - for stdin.")
@MODEL
@click.option("--keep-level", is_flag=True, help="Score a constant gain, too.  [default: remove and note it]")
@click.option("--timeline", type=click.Path(path_type=Path), help="Write quality over time to a .json, .csv or .png.")
@click.option(
    "--min-mos",
    type=float,
    help="Exit with 1 when a file scores below this or could not be judged whole; see `deepaq info` for the highest.",
)
@click.option(
    "--allow-shorter", is_flag=True, help="Let --min-mos pass files whose beginning or end is off by more than .5 s."
)
@device_option
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Worker processes.")
@json_option
def score(
    sounds: tuple[Path, ...],
    against: Path | None,
    no_reference: bool,
    references: int | None,
    pairs_file: str | None,
    model: Path | None,
    keep_level: bool,
    timeline: Path | None,
    min_mos: float | None,
    allow_shorter: bool,
    device: str,
    jobs: int,
    as_json: bool,
) -> None:
    """Score REFERENCE DEGRADED..., or DEGRADED... with --against CLEAN_DIR or --no-reference.

    Two folders are matched by file name. A - reads degraded paths from stdin. Prints MOS, distance and file, one line
    each, separated by tabs; the highest MOS is that of the model, 4.73 for the packaged one.

    Without its own reference, a file is judged by how far its spectrum is from that of clean music. That finds coding
    at low bitrates in averages over several files of music. It cannot tell a fault from an effect that is meant, hardly
    finds Opus, distortion, noise or drop-outs, and says nothing about speech (docs/limits.md).
    """
    from deepaq.batch import timeline as timelines
    from deepaq.batch.gate import Gate, top
    from deepaq.batch.run import Scoring, score_files

    if timeline:
        timelines.check(timeline)
    unmatched = no_reference or against is not None
    if no_reference and (against or pairs_file):
        raise UserError("--no-reference: replaces --against and --pairs; give one of them")
    if keep_level and unmatched:
        raise UserError("--keep-level: a level is known only with the file's own reference; leave out --keep-level")
    if references and not against:
        raise UserError("--references: sets the number of files of --against; add --against")
    if allow_shorter and min_mos is None:
        raise UserError("--allow-shorter: modifies --min-mos; add --min-mos")
    how = Scoring(model, device, not keep_level)
    gate = None if min_mos is None else Gate(min_mos, allow_shorter)
    if gate:
        gate.check(how.metric, unmatched)
    pairs, lost = _pairs(sounds, against, no_reference, pairs_file)
    for line in lost:
        complain(line)
    highest = top(how.metric, unmatched) if as_json else None
    rows, scores, failed = [], [], len(lost)
    said: set[str] = set()  # a line about all files is printed once
    for (reference, degraded), answer in score_files(pairs, how, against, references, jobs, no_reference):
        if isinstance(answer, UserError):
            complain(str(answer))
            failed += 1
            continue
        found, took_s = answer
        for line in found.notes:
            if line not in said:
                note(line)
            said.add(line)
        files = {"reference": None if no_reference else str(reference), "degraded": str(degraded)}
        rows.append(files | found.to_json() | {"mos_top": highest, "notes": list(found.notes), "took_s": took_s})
        scores.append(("" if no_reference else str(reference), str(degraded), found))
        if not as_json:
            mos = "-" if found.mos is None else f"{found.mos:.2f}"
            click.echo(f"{mos}\t{found.distance:.4f}\t{one_line(str(degraded))}")
        objections = gate.objections(found) if gate else []
        for objection in objections:
            complain(f"{degraded}: {objection}")
        failed += bool(objections)
    if as_json:
        print_json(rows)
    if timeline and scores:
        timelines.write(timeline, scores)
    finish(failed)


@main.command()
@click.argument("sounds", nargs=-1, required=True, type=SoundPath())
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write: .parquet or .npz.")
@MODEL
@device_option
@json_option
def embed(sounds: tuple[Path, ...], out: Path, model: Path | None, device: str, as_json: bool) -> None:
    """Write the clip embedding of every segment of SOUNDS, comparable across content."""
    from deepaq.batch import embeddings
    from deepaq.batch.pairs import degraded_only
    from deepaq.batch.run import metric_of

    embeddings.check(out)
    metric = metric_of(model, device)
    rows: list[embeddings.Row] = []
    paths, lost = degraded_only(sounds)
    for line in lost:
        complain(line)
    failed = len(lost)
    for path in paths:
        try:
            rows += [(str(path), start, seconds, point) for start, seconds, point in metric.clip_points(path)]
        except UserError as error:
            complain(str(error))
            failed += 1
    if not rows:
        raise UserError("nothing could be embedded")
    embeddings.write(out, rows)
    result = {"out": str(out), "segments": len(rows), "dims": len(rows[0][3]), "failed": failed}
    print_json(result) if as_json else note(f"{out}: {len(rows)} segments of {len(rows[0][3])} dimensions")
    finish(failed)


@main.command()
@MODEL
@json_option
def info(model: Path | None, as_json: bool) -> None:
    """Describe the model that would score: network, range of the MOS, training and provenance."""
    from deepaq.batch import about
    from deepaq.batch.run import metric_of

    facts = about.facts(metric_of(model), model)
    if as_json:
        print_json(facts)
        return
    for name, text in about.lines(facts):
        click.echo(f"{name:<13}{one_line(text)}")


def _pairs(
    sounds: Sequence[Path], against: Path | None, no_reference: bool, pairs_file: str | None
) -> tuple[list[Any], list[str]]:
    from deepaq.batch import pairs

    if pairs_file:
        if sounds or against:
            raise UserError("--pairs already names all files; leave out the others and --against")
        return pairs.listed(pairs_file), []
    if not sounds:
        raise UserError("nothing to score: name REFERENCE DEGRADED..., or use --pairs, --against or --no-reference")
    if against or no_reference:
        found, lost = pairs.degraded_only(sounds)
        return [(against or Path(), path) for path in found], lost
    return pairs.named(sounds)


main.add_command(compare)
main.add_command(explain)
main.add_command(watch)
