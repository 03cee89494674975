"""A listening test in the benchmark: stimuli, listeners' ratings and raters' values side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from deepaq.errors import UserError
from labels.benchmark.statistics.correlation import Values
from labels.importing.scores import LISTENERS, listener_rows
from labels.length import too_short
from labels.listening.reader import HIGHER, LOWER, READERS, reader
from manifests import schema
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Stimulus:
    """A rated signal, or a group of them with a common score.

    references: ids of the clips it was made of. mean: the listeners', on the test's scale, with its 95 % interval, the
    listeners' standard deviation and their number (0: unknown) where known. common: share of the longer of the
    pair that both have. short: that share is too small for a value to stand for the whole.
    """

    degraded_id: str
    references: tuple[str, ...]
    item: str
    condition: str
    content: str | None
    role: str
    audible: bool
    mean: float
    low: float | None
    high: float | None
    deviation: float | None = None
    listeners: int = 0
    group: str | None = None
    common: float | None = None
    short: bool = False

    @property
    def counted(self) -> bool:
        """Tell if the stimulus has audio, and enough of it."""
        return self.audible and not self.short


@dataclass(frozen=True)
class Rated:
    """A test with the ratings of its listeners and the values of the raters.

    ratings: (stimuli, listeners), NaN where not rated. values: by rater, (stimuli,), on the rater's scale and with its
    sign, NaN where not rated. cost: CPU seconds per second of audio. failures: one line each. grouped: the number of
    all stimuli if only groups of them have a score, else 0.
    """

    name: str
    about: dict[str, Any]
    stimuli: tuple[Stimulus, ...]
    ratings: Values
    values: dict[str, Values] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)
    grouped: int = 0

    @cached_property
    def means(self) -> Values:
        return np.array([s.mean for s in self.stimuli])

    @cached_property
    def shares(self) -> Values:
        """The means as shares of the scale, from 0 (its worse end) to 1, to join tests on different scales.

        A score below chance exceeds the better end of an ABX scale.
        """
        worse, better = self.ends
        return (self.means - worse) / (better - worse)

    @property
    def ends(self) -> tuple[float, float]:
        """The worse and the better end of the scale."""
        low, high = self.about["lowest"], self.about["highest"]
        return (high, low) if self.about["better"] == LOWER else (low, high)

    @cached_property
    def half_widths(self) -> Values:
        """Half the widths of the means' 95 % intervals, as shares of the scale; 0 where unknown."""
        span = self.about["highest"] - self.about["lowest"]
        return np.array([0.0 if s.low is None or s.high is None else (s.high - s.low) / 2 / span for s in self.stimuli])

    @cached_property
    def items(self) -> list[str]:
        return [s.item for s in self.stimuli]

    def with_roles(self, roles: Sequence[str]) -> Mask:
        """(stimuli,): true for those with one of these roles and enough audio."""
        return np.array([s.role in roles and s.counted for s in self.stimuli], bool)

    def without_references(self, references: set[str]) -> Rated:
        """The test without the stimuli of these clips."""
        keep = [i for i, s in enumerate(self.stimuli) if references.isdisjoint(s.references)]
        return replace(
            self,
            stimuli=tuple(self.stimuli[i] for i in keep),
            ratings=self.ratings[keep],
            values={name: values[keep] for name, values in self.values.items()},
        )


def read_tests(dataset: Dataset, raters: Sequence[str], allow_shorter: bool = False) -> list[Rated]:
    """The tests in a data set, with the values of `raters`; UserError when there are no ratings by listeners.

    allow_shorter: count stimuli that have less than 95 % in common with their reference.
    """
    means = {row["degraded_id"]: row for row in dataset.labels(LISTENERS, ["value", "extras"]).to_pylist()}
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in dataset.degraded().to_pylist():
        mean = means.get(row["degraded_id"])
        if mean is not None and mean["status"] == schema.OK:
            groups[row["test"] or dataset.root.name].append(row | {"mean": mean["value"], **dict(mean["extras"] or {})})
    if not groups:
        raise UserError(f"{dataset.root}: holds no listeners' ratings; add them with `labels import`")
    listeners = listener_rows(dataset)
    seconds = _seconds(dataset)
    labels = {name: dataset.labels(name).to_pylist() for name in raters}
    compared = _compared(labels)
    for row in (row for rows in groups.values() for row in rows):
        row["common"] = compared.get(row["degraded_id"]) if row["common"] is None else row["common"]
        row["short"] = too_short(row["common"]) and not allow_shorter
    return [_test(dataset, name, rows, listeners, labels, seconds) for name, rows in sorted(groups.items())]


def _compared(labels: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    """The share of each pair that raters have compared."""
    found = [(row["degraded_id"], dict(row["extras"] or {}).get("common")) for rows in labels.values() for row in rows]
    return {name: share for name, share in found if share is not None}


def _test(
    dataset: Dataset,
    name: str,
    rows: list[dict[str, Any]],
    listeners: list[dict[str, Any]],
    labels: dict[str, list[dict[str, Any]]],
    seconds: dict[str, float],
) -> Rated:
    rows.sort(key=lambda row: (row["item"] or row["reference_id"], row["condition"], row["degraded_id"]))
    place = {row["degraded_id"]: i for i, row in enumerate(rows)}
    mine = [row for row in listeners if row["degraded_id"] in place and row["status"] == schema.OK]
    people = {person: i for i, person in enumerate(sorted({row["rater"] for row in mine}))}
    ratings = np.full((len(rows), len(people)), np.nan)
    for row in mine:
        ratings[place[row["degraded_id"]], people[row["rater"]]] = row["value"]
    test = Rated(name, _about(dataset, name, rows), tuple(map(_stimulus, rows)), ratings)
    for rater, given in labels.items():
        given = [row for row in given if row["degraded_id"] in place]
        values = np.full(len(rows), np.nan)
        for row in given:
            if row["status"] == schema.OK:
                values[place[row["degraded_id"]]] = row["value"]
        test.values[rater] = values
        timed = [row for row in given if row["status"] == schema.OK and row["seconds"] is not None]
        audio = sum(seconds[rows[place[row["degraded_id"]]]["reference_id"]] for row in timed)
        if audio:
            test.cost[rater] = sum(row["seconds"] for row in timed) / audio
        test.failures[rater] = [
            f"{rater}: {rows[place[row['degraded_id']]]['condition']} of "
            f"{rows[place[row['degraded_id']]]['item'] or row['degraded_id']}: {row['error']}"
            for row in given
            if row["status"] == schema.FAILED
        ]
    return test


def _stimulus(row: dict[str, Any]) -> Stimulus:
    return Stimulus(
        degraded_id=row["degraded_id"],
        references=(row["reference_id"],),
        item=row["item"] or row["reference_id"],
        condition=row["condition"],
        content=row["content"],
        role=row["role"] or schema.CODED,
        audible=row["status"] == schema.OK,
        mean=row["mean"],
        low=row.get("ci_low"),
        high=row.get("ci_high"),
        deviation=row.get("sd"),
        listeners=int(row.get("listeners", 0)),
        group=row["group"],
        common=row["common"],
        short=row["short"],
    )


def _seconds(dataset: Dataset) -> dict[str, float]:
    """Length of every reference clip."""
    rows = dataset.references(["frames", "sample_rate"]).to_pylist()
    return {row["reference_id"]: row["frames"] / row["sample_rate"] for row in rows if row["frames"]}


def _about(dataset: Dataset, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Title, scale, licence and citation, from the import, else from the reader."""
    about: dict[str, Any] = {"title": name, "scale": "", "licence": "not stated", "citation": "not stated"}
    about["better"] = HIGHER
    about |= {"lowest": rows[0].get("scale_low", 0.0), "highest": rows[0].get("scale_high", 100.0)}
    folders = (
        dataset.folder(schema.LABELS, LISTENERS),
        dataset.folder(schema.DEGRADED),
    )  # the import comes last and wins
    notes = [read_footer(path).get("settings", {}).get("test", {}) for each in folders for path in fragments(each)]
    mine = [note for note in notes if note and rows[0]["test"] in {None, note.get("name")}]
    for note in mine or ([reader(name).describe()] if name in READERS.own else []):
        about |= note
    return about
