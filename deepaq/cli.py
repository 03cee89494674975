"""The `deepaq` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepaq.console import Console, complain, finish, json_option, note, print_json
from deepaq.errors import UserError

if TYPE_CHECKING:
    from deepaq.metric import Metric, Score

MODEL = click.option("--model", type=click.Path(path_type=Path), help="Run folder.  [default: the packaged model]")


@click.group(cls=Console)
@click.version_option(package_name="deepaq")
def main() -> None:
    """Score audio the way listeners would."""


@main.command()
@click.argument("sounds", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--against", type=click.Path(path_type=Path), help="Folder of clean music to use as the references.")
@MODEL
@json_option
def score(sounds: tuple[Path, ...], against: Path | None, model: Path | None, as_json: bool) -> None:
    """Score REFERENCE DEGRADED..., or DEGRADED... with --against CLEAN_DIR."""
    from time import perf_counter

    from deepaq.metric import load

    metric = load(model)
    reference, degraded = (str(against), sounds) if against else (str(sounds[0]), sounds[1:])
    if not degraded:
        raise UserError("one sound is not enough: name the reference and the degraded versions, or use --against")
    clean = _clean(metric, against) if against else None
    rows: list[dict[str, Any]] = []
    failed = 0
    for path in degraded:
        start = perf_counter()
        try:
            found = metric.score(path, references=clean) if clean else metric.score(sounds[0], path)
        except UserError as error:
            complain(str(error))
            failed += 1
            continue
        for line in found.notes:
            note(line)
        rows.append(_row(reference, path, found) | {"seconds": perf_counter() - start})
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            mos = "-" if row["mos"] is None else f"{row['mos']:.2f}"
            click.echo(f"{mos}\t{row['distance']:.4f}\t{row['degraded']}")
    finish(failed)


def _row(reference: str, degraded: Path, found: Score) -> dict[str, Any]:
    return {
        "reference": reference,
        "degraded": str(degraded),
        "distance": found.distance,
        "mos": found.mos,
        "lag_samples": found.lag_samples,
        "level_db": found.level_db,
    }


def _clean(metric: Metric, folder: Path) -> Any:
    from deepaq.audio import SUFFIXES

    if not folder.is_dir():
        raise UserError(f"--against {folder}: no such folder")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UserError(f"--against {folder}: holds no audio")
    return metric.references(paths)
