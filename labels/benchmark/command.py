"""The command `labels benchmark`."""

from __future__ import annotations

from pathlib import Path

import click

from deepaq.console import KEY_VALUE, PATH, conclude, device_option, jobs_option, json_option, quiet_option
from deepaq.errors import UserError


@click.command()
@click.argument("data", nargs=-1, required=True, type=PATH)
@click.option("--raters", default="", help="Compare these raters, separated by commas, or all that are usable here.")
@click.option("--runs", default="", help="Compare these run folders, separated by commas, by the MOS that they give.")
@click.option("--references", type=PATH, help="Also judge --runs with this folder of clean music as references.")
@click.option("--out", required=True, type=PATH, help="Write the report into this folder.")
@click.option("--fit-on", multiple=True, type=PATH, help="Fit mappings on this data set, not the others; repeatable.")
@click.option(
    "-o", "--option", "settings", multiple=True, type=KEY_VALUE, metavar="RATER.KEY=VALUE", help="Set a rater's option."
)
@device_option
@click.option("--resamples", default=2000, show_default=True, help="Draw this many resamples (differences, errors).")
@click.option("--seed", default=0, show_default=True, help="Seed the resampling.")
@click.option("--retry-failed", is_flag=True, help="Rate again stimuli that a rater failed on.")
@click.option("--allow-shorter", is_flag=True, help="Count stimuli that have less than 95 % of their length in common.")
@jobs_option
@json_option
@quiet_option
def benchmark(
    data: tuple[Path, ...],
    raters: str,
    runs: str,
    references: Path | None,
    out: Path,
    fit_on: tuple[Path, ...],
    settings: tuple[tuple[str, str], ...],
    device: str,
    resamples: int,
    seed: int,
    jobs: int | None,
    retry_failed: bool,
    allow_shorter: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare raters with the listeners of the tests in DATA.

    Rates what is not rated yet and writes report.html, report.md, report.json, results.csv and stimuli.csv. Mappings
    to the listeners' scale are fitted on the other tests in DATA, or on those of --fit-on, never on the test itself.
    """
    from deepaq.backbones.device import CPU
    from labels.benchmark import stage
    from labels.benchmark.runs import Runs
    from labels.raters.rater import DEVICE, all_options
    from manifests.jobs import workers

    names, missing = stage.usable() if raters == "all" else (raters.split(",") if raters else [], [])
    trained = dict(Runs(list(map(Path, runs.split(","))) if runs else [], references, device).raters())
    names += trained
    if not names:
        raise UserError("name raters by --raters, or run folders by --runs")
    if references and not runs:
        raise UserError("--references: judges --runs; for a rater, write --option deepaq-nmr.references=FOLDER")
    own = {f"{name}.{key}": value for name in trained for key, value in trained[name].items()}
    if device != CPU:
        own |= {f"{name}.{DEVICE}": device for name in names if DEVICE in all_options(name, {})}
    how = stage.BenchmarkSettings(
        fit_on=fit_on,
        options=tuple((own | dict(settings)).items()),
        resamples=resamples,
        seed=seed,
        jobs=workers(jobs),
        retry_failed=retry_failed,
        allow_shorter=allow_shorter,
        quiet=quiet,
    )
    report = stage.benchmark(data, names, out, how)
    result = {"report": str(out), "tests": [test["name"] for test in report["tests"]]}
    told = {"notes": [*missing, *report["notes"]], "errors": report["errors"]}
    conclude(result | told | stage.headline(report), as_json)
