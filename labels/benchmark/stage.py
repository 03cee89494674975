"""`labels benchmark`: rate what is not rated yet, evaluate, write the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from labels.benchmark.agreement import Bootstrap
from labels.benchmark.evaluate import Evaluation
from labels.benchmark.groups import by_group
from labels.benchmark.leaderboard import AGGREGATED, leaderboard
from labels.benchmark.overall import overall
from labels.benchmark.paper import beside
from labels.benchmark.rated import Rated, read_tests
from labels.benchmark.report.write import write
from labels.benchmark.stamp import stamp
from labels.benchmark.statistics import bootstrap
from labels.length import short_line, too_short
from labels.raters.rater import RATERS, rater
from labels.rating import stage as rating
from manifests import jobs, schema
from manifests.dataset import Dataset
from manifests.fragment import fragments


@dataclass(frozen=True)
class BenchmarkSettings:
    """Settings of a benchmark.

    fit_on: data sets to fit mappings on, instead of the other tests. options: ("RATER.KEY", value) pairs.
    resamples, seed: those of the bootstrap. mappings: fit mappings to the listeners' scale. allow_shorter: also count
    stimuli that have less than 95 % in common with their reference.
    """

    fit_on: tuple[Path, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    resamples: int = bootstrap.RESAMPLES
    seed: int = 0
    jobs: int = field(default_factory=jobs.cpu_count)
    mappings: bool = True
    allow_shorter: bool = False
    retry_failed: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        bootstrap.check(self.resamples, self.seed)

    def of(self, name: str) -> dict[str, str]:
        """Options of the rater `name`."""
        parts = [(*key.rpartition("."), value) for key, value in self.options]
        return {key: value for owner, _, key, value in parts if owner == name}


def benchmark(data: Sequence[Path], raters: Sequence[str], out: Path, settings: BenchmarkSettings) -> dict[str, Any]:
    """Evaluate `raters` on the listening tests in the data sets `data` and write the report into the folder `out`.

    Returns the report (see `labels.benchmark.report.write`); its `errors` name every stimulus that a rater failed on.
    """
    if len(set(raters)) != len(raters):
        raise UserError(f"--raters {','.join(raters)}: names a rater twice")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file, a folder is needed")
    if unknown := [key for key, _ in settings.options if key.rpartition(".")[0] not in raters]:
        raise UserError(f"--option {unknown[0]}: write RATER.KEY=VALUE with one of {', '.join(raters)}")
    datasets = [Dataset(path) for path in (*data, *settings.fit_on)]
    own = {
        name: _common_options(datasets, name, settings.of(name)) for name in raters
    }  # check everything before long work
    judges = {name: rater(name, **options) for name, options in own.items()}
    names = [[test.name for test in read_tests(dataset, ())] for dataset in datasets]
    _once([name for several in names[: len(data)] for name in several])
    for dataset in datasets:
        for name in raters:
            work = rating.Settings(
                options=tuple(own[name].items()),
                jobs=settings.jobs,
                retry_failed=settings.retry_failed,
                quiet=settings.quiet,
            )
            rating.rate(dataset.root, name, work)
    single = [test for dataset in datasets for test in read_tests(dataset, raters, settings.allow_shorter)]
    count = sum(map(len, names[: len(data)]))
    tests, fits = ([by_group(test) for test in part] for part in (single[:count], single[count:]))
    evaluation = Evaluation(
        {name: 1 if judge.higher_is_better else -1 for name, judge in judges.items()},
        Bootstrap(settings.resamples, settings.seed),
        {test.name: fits or [other for other in tests if other is not test] for test in tests if settings.mappings},
    )
    evaluated = [evaluation.test(test) for test in tests]
    noted = {"resamples": settings.resamples, "seed": settings.seed, "level": bootstrap.LEVEL}
    report = {
        **stamp(datasets, raters, noted),
        "raters": [
            {
                **{"name": name, "scale": judge.scale, "higher_is_better": judge.higher_is_better},
                **{"identity": judge.identity, "options": {k: v for k, v in own[name].items() if v is not None}},
            }
            for name, judge in judges.items()
        ],
        "tests": evaluated,
        "overall": overall(evaluation, tests) if len(tests) > 1 else [],
        "leaderboard": leaderboard(tests, raters),
        "paper": {test["name"]: rows for test in evaluated if (rows := beside(test))},
        "notes": [
            short_line(f"{test.name}: {s.condition} of {s.item}", s.common or 0.0)
            for test in single[:count]
            for s in test.stimuli
            if s.audible and too_short(s.common)
        ],
        "errors": _failures([*tests, *fits]),
    }
    write(report, out)
    return report


def usable() -> tuple[list[str], list[str]]:
    """Raters that are installed and need no options, and one line about each of the others."""
    names, missing = [], []
    for name in RATERS:
        try:
            rater(name).warm_up()
            names.append(name)
        except UserError as error:
            missing.append(f"{name} is left out: {error}")
    return names, missing


def headline(report: dict[str, Any]) -> dict[str, Any]:
    """PCC of each rater under the first protocol of each test and by ODAQ's, for the last line of the command."""
    board = report["leaderboard"]
    ranked = {"leaderboard": {row["rater"]: row[AGGREGATED] for row in board["rows"]}} if board else {}
    return ranked | {
        "protocol": {test["name"]: test["protocols"][0]["protocol"] for test in report["tests"] if test["protocols"]},
        "pcc": {
            test["name"]: {result["rater"]: result["pcc"][0] for result in test["protocols"][0]["results"]}
            for test in report["tests"]
            if test["protocols"]
        },
    }


def _common_options(datasets: Sequence[Dataset], name: str, given: dict[str, str]) -> dict[str, str]:
    """Options of a rater for all data sets: those given, else those of existing labels.

    Raises UserError if a data set has labels with other options.
    """
    labelled = [dataset for dataset in datasets if fragments(dataset.folder(schema.LABELS, name))]
    wanted = given or (rating.options_of(labelled[0], name, {}) if labelled else {})
    found = [rating.options_of(dataset, name, wanted) for dataset in datasets]
    return found[0]


def _failures(tests: Sequence[Rated]) -> list[str]:
    """Failures of the tests, one line each, without duplicates."""
    lines = [f"{test.name}: {line}" for test in tests for lines in test.failures.values() for line in lines]
    return list(dict.fromkeys(lines))


def _once(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"the test {name} occurs twice in the data sets; name each data set once")
