"""The `deepaq` command."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from deepaq.console import Console, complain, finish, json_option, note, one_line, print_json
from deepaq.errors import UserError


class SoundPath(click.Path):
    """A path that is not empty: click would take an empty name, such as that of an unset variable, for this folder."""

    def __init__(self, allow_dash: bool = False) -> None:
        super().__init__(readable=False, allow_dash=allow_dash, path_type=Path)  # what cannot be read is a failed row

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value):
            self.fail("an empty name is no sound", param, ctx)
        return super().convert(value, param, ctx)


MODEL = click.option(
    "--model", type=click.Path(path_type=Path), help="Run folder, or hub:OWNER/NAME.  [default: the packaged model]"
)


@click.group(cls=Console)
@click.version_option(package_name="deepaq")
def main() -> None:
    """Score audio the way listeners would."""


@main.command()
@click.argument("sounds", nargs=-1, type=SoundPath(allow_dash=True))
@click.option("--against", type=SoundPath(), help="Folder of clean music to use as the references.")
@click.option("--references", type=click.IntRange(min=1), help="With --against: at most so many files.  [default: all]")
@click.option("--pairs", "pairs_file", help="CSV file with the columns reference and degraded; - for stdin.")
@MODEL
@click.option("--keep-level", is_flag=True, help="Score a changed gain, too.  [default: it is taken back and noted]")
@click.option("--timeline", type=click.Path(path_type=Path), help="Write quality over time to a .json, .csv or .png.")
@click.option("--min-mos", type=float, help="Exit with 1 when a file scores below this.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Worker processes.")
@json_option
def score(
    sounds: tuple[Path, ...],
    against: Path | None,
    references: int | None,
    pairs_file: str | None,
    model: Path | None,
    keep_level: bool,
    timeline: Path | None,
    min_mos: float | None,
    jobs: int,
    as_json: bool,
) -> None:
    """Score REFERENCE DEGRADED..., or DEGRADED... with --against CLEAN_DIR.

    Folders: with two, files are matched by name. A - reads degraded paths from stdin. Printed are MOS, distance and
    file, one line each, separated by tabs.
    """
    from deepaq.batch import timeline as timelines
    from deepaq.batch.run import score_files

    if timeline:
        timelines.check(timeline)
    if keep_level and against:
        raise UserError("--keep-level: unrelated music has no level to hold a sound against; leave it or --against out")
    if references and not against:
        raise UserError("--references: says how many files of --against to use; give that, too")
    if min_mos is not None and not math.isfinite(min_mos):
        raise UserError(f"--min-mos {min_mos}: give a MOS, 1 to 5")
    pairs, lost = _pairs(sounds, against, pairs_file)
    for line in lost:
        complain(line)
    rows, scores, failed, below = [], [], len(lost), 0
    for (reference, degraded), answer in score_files(pairs, model, against, references, jobs, not keep_level):
        if isinstance(answer, UserError):
            complain(str(answer))
            failed += 1
            continue
        found, took_s = answer
        for line in found.notes:
            note(line)
        rows.append({"reference": str(reference), "degraded": str(degraded), **found.to_json(), "took_s": took_s})
        scores.append((str(reference), str(degraded), found))
        if not as_json:
            click.echo(f"{_mos(found.mos)}\t{found.distance:.4f}\t{one_line(str(degraded))}")
        if min_mos is not None and not (found.mos is not None and found.mos >= min_mos):
            complain(f"{degraded}: MOS {_mos(found.mos)} is below {min_mos:g}")
            below += 1
    if as_json:
        print_json(rows)
    if timeline and scores:
        timelines.write(timeline, scores)
    finish(failed + below)


@main.command()
@click.argument("sounds", nargs=-1, required=True, type=SoundPath())
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write: .parquet or .npz.")
@MODEL
@json_option
def embed(sounds: tuple[Path, ...], out: Path, model: Path | None, as_json: bool) -> None:
    """Write the clip embedding of every segment of SOUNDS, comparable across content."""
    from deepaq.batch import embeddings
    from deepaq.batch.pairs import degraded_only
    from deepaq.scoring.metric import load

    embeddings.check(out)
    metric = load(model)
    rows: list[embeddings.Row] = []
    failed = 0
    for path in degraded_only(sounds):
        try:
            rows += [(str(path), start, seconds, point.numpy()) for start, seconds, point in metric.clip_points(path)]
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
    """Say which model would score, and what made it."""
    from deepaq import __version__
    from deepaq.scoring.metric import PACKAGED, load

    metric = load(model)
    curves = {"full reference": metric.model.full, "non-matching references": metric.model.unmatched}
    result = {
        "version": __version__,
        "model": str(model or PACKAGED),
        "fingerprint": metric.fingerprint[:16],
        "backbone": metric.backbone.name,
        "parameters": metric.backbone.parameter_counts(),
        "sample_rate": metric.rate,
        "segment_s": metric.backbone.segment_s,
        "mapping": {mode: curve and curve.to_json() for mode, curve in curves.items()},
        "info": metric.model.info,
    }
    if as_json:
        print_json(result)
    else:
        for key, value in result.items():
            click.echo(f"{key}: {value}")


def _pairs(sounds: Sequence[Path], against: Path | None, pairs_file: str | None) -> tuple[list[Any], list[str]]:
    from deepaq.batch import pairs

    if pairs_file:
        if sounds or against:
            raise UserError("--pairs names everything; leave the other files and --against out")
        return pairs.listed(pairs_file), []
    if not sounds:
        raise UserError("nothing to score: name REFERENCE DEGRADED..., or use --pairs or --against")
    if against:
        return [(against, path) for path in pairs.degraded_only(sounds)], []
    return pairs.named(sounds)


def _mos(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
