"""The `training` command."""

from __future__ import annotations

import os
from pathlib import Path

import click

from deepaq.console import Console, jobs_option, json_option, print_json, quiet_option
from deepaq.errors import UserError


@click.group(cls=Console, extra="train")
@click.version_option(package_name="deepaq")
def main() -> None:
    """Train a metric on a labelled data set."""


@main.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Write the run to this folder.")
@click.option("--recipe", help="Use a built-in recipe or a TOML file.  [default: compact]")
@click.option(
    "-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting, such as optimiser.lr=1e-3."
)
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@click.option("--resume", is_flag=True, help="Continue a run with its settings; -o changes max_steps and run.* only.")
@click.option(
    "--cache", type=click.Path(path_type=Path), help="Keep decoded audio in this folder.  [default: DATA/cache]"
)
@click.option("--dry-run", is_flag=True, help="Print the plan of the run and its needs; write nothing.")
@jobs_option
@json_option
@quiet_option
def fit(
    data: Path,
    out: Path,
    recipe: str | None,
    overrides: tuple[str, ...],
    overwrite: bool,
    resume: bool,
    cache: Path | None,
    dry_run: bool,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train on the labelled data set DATA; under torchrun, with several processes.

    After an interruption, the same command resumes from the last saved state.
    """
    from manifests.jobs import workers
    from training import recipe as recipes
    from training.fit import Options
    from training.fit import fit as stage
    from training.results.folder import resumed
    from training.results.printed import print_plan, print_validation

    if resume and (recipe or overwrite):
        raise UserError("--resume keeps the run's own settings; leave out --recipe and --overwrite")
    settings = resumed(out, overrides) if resume else recipes.load(recipe or "compact", overrides)
    result = stage(data, out, settings, Options(overwrite, resume, cache, workers(jobs), quiet, dry_run))
    if int(os.environ.get("RANK", 0)):
        return  # only the first process prints
    if as_json:
        print_json(result)
    elif dry_run:
        print_plan(result)
    else:
        print_validation(result)


@main.command()
@json_option
def recipes(as_json: bool) -> None:
    """List the built-in recipes and their purposes."""
    from training import recipe

    found = {name: recipe.purpose(name) for name in recipe.names()}
    if as_json:
        print_json(found)
    else:
        for name, purpose in found.items():
            click.echo(f"{name:<16} {purpose}")


@main.command()
@json_option
def backbones(as_json: bool) -> None:
    """List the networks that a recipe can name as its backbone."""
    from deepaq.backbones.backbone import BACKBONES, Backbone

    def describe(_: str, kind: type[Backbone]) -> dict[str, str]:
        return {"sample_rate": f"{kind.sample_rate}", "channels": f"{kind.channels}", "licence": kind.licence}

    found = BACKBONES.listing(describe)
    if as_json:
        print_json(found)
    else:
        for name, facts in found.items():
            click.echo(f"{name:<16} " + "; ".join(f"{key} {value}" for key, value in facts.items()))


@main.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "csv", "latex", "html"]),
    help="Form of the table.  [default: by the suffix of --out, else text]",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the table to this file: .md, .csv, .tex or .html.")
@json_option
def compare(runs: tuple[Path, ...], form: str | None, out: Path | None, as_json: bool) -> None:
    """Compare finished RUNS; runs that differ in the seed alone become one row.

    Columns are SRCC and PCC for full (FR) and non-matching references (NMR) with 95 % intervals over seeds and over
    held-out tracks; rows are tested against the best one, with Holm's correction.
    """
    from deepaq.files import check_writable, write_text
    from training.results.compare import Estimate
    from training.results.compare import compare as stage
    from training.results.paired import Paired
    from training.results.tables import render

    suffixes = {".md": "markdown", ".csv": "csv", ".tex": "latex", ".html": "html"}
    form = form or (suffixes.get(out.suffix, "text") if out else "text")
    if out:
        check_writable(out, "--out")
    rows = stage(runs)
    if out:
        write_text(out, render(rows, form))
    if as_json:
        print_json([{k: vars(v) if isinstance(v, Estimate | Paired) else v for k, v in row.items()} for row in rows])
    elif not out:
        click.echo(render(rows, form), nl=False)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Write to this new folder.")
@click.option("--merge", is_flag=True, help="Add LoRA to the weights and store them whole; their licence applies.")
@click.option(
    "--onnx", is_flag=True, help="Write one ONNX file instead, of the packaged metric too, for other languages."
)
@click.option("--push", metavar="REPOSITORY", help="Upload the folder to this repository on the hub.")
@click.option("--public", is_flag=True, help="Make a repository that --push creates public.")
def export(run: Path, out: Path, merge: bool, onnx: bool, push: str | None, public: bool) -> None:
    """Copy the finished RUN without private parts: weights, mappings, settings, card, checksums.

    With --onnx, RUN may also be `packaged`, the metric inside the package.
    """
    from training.results.export import export as stage
    from training.results.export import push as upload

    if public and not push:
        raise UserError("--public: says who sees the repository of --push; add --push")
    if onnx and merge:
        raise UserError("--merge: an ONNX file holds the merged network anyway; leave it out")
    if onnx:
        from training.results.onnx import export as stage_onnx

        click.echo(stage_onnx(run, out))
    else:
        click.echo(stage(run, out, merge))
    if push:
        click.echo(upload(out, push, private=not public))
