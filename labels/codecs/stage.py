"""`labels codecs`: quality over bitrate of the codecs of a data set, as one or several raters judge it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from labels.benchmark.stamp import stamp
from labels.benchmark.statistics import bootstrap
from labels.codecs.analysis import analyse
from labels.codecs.points import judged
from manifests.dataset import Dataset
from manifests.report.rows import choose_rater

RESAMPLES = 1000


@dataclass(frozen=True)
class CodecsSettings:
    """raters: those that judge; the one of `manifests report` if empty. codecs: those to compare, all if empty.

    at: values of the raters whose bitrates are wanted. resamples, seed: those of the bootstrap over tracks.
    """

    raters: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    at: tuple[float, ...] = ()
    resamples: int = RESAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        bootstrap.check(self.resamples, self.seed)
        if len(set(self.raters)) != len(self.raters):
            raise UserError(f"--rater {self.raters[-1]}: name each rater once")


def codecs(data: Path, settings: CodecsSettings) -> dict[str, Any]:
    """Compare the codecs of a data set. Keys of the result: raters (see `labels.codecs.analysis.analyse`),
    disagreements, notes and errors (one line each), and those of `labels.benchmark.stamp.stamp`.

    Raises UserError when a rater has no labels of coded clips.
    """
    dataset = Dataset(data)
    raters = [choose_rater(dataset, name) for name in settings.raters or (None,)]
    known = [judged(dataset, rater, settings.codecs) for rater in raters]
    found = [analyse(one, settings.at, settings.resamples, settings.seed) for one in known]
    noted = {"resamples": settings.resamples, "seed": settings.seed, "level": bootstrap.LEVEL}
    return {
        **stamp([dataset], raters, noted),
        "data": dataset.root.resolve().name,
        "raters": found,
        "disagreements": disagreements(found),
        "errors": list(dict.fromkeys(line for one in known for line in one.errors)),
    }


def disagreements(raters: Sequence[dict[str, Any]]) -> list[str]:
    """A line for every two codecs whose order by BD-rate is not the same for all raters."""
    orders: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
    for one in raters:
        for pair in one["pairs"]:
            if pair["ahead"] is not None:
                orders.setdefault((pair["a"], pair["b"]), []).append((one["rater"], pair))
    return [_line(a, b, told) for (a, b), told in orders.items() if len({pair["ahead"] for _, pair in told}) > 1]


def _line(a: str, b: str, told: Sequence[tuple[str, dict[str, Any]]]) -> str:
    sure = {pair["ahead"] for _, pair in told if pair["better"] or not pair["bd_rate"]}
    parts = [f"{rater} prefers {pair['ahead']} ({_how(pair)})" for rater, pair in told]
    return f"raters {'disagree' if len(sure) > 1 else 'do not clearly agree'} on {a} and {b}: {', '.join(parts)}"


def _how(pair: dict[str, Any]) -> str:
    if pair["bd_rate"] is None:
        return "at all its bitrates"
    return f"{pair['bd_rate'][0]:+.0f} %{'' if pair['better'] else ', not significant'}"
