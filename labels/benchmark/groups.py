"""Stimuli with one score for all of them count as one: a rater's value is the mean over the group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labels.benchmark.rated import Rated, Stimulus
from labels.benchmark.statistics.correlation import Values

Places = npt.NDArray[np.int64]


def by_group(test: Rated) -> Rated:
    """The test with one stimulus per group and role; stimuli without a group stay as they are.

    A rater's value is the mean over the members with enough audio, NaN unless it has rated all of these.
    """
    units: dict[tuple[str, str], list[int]] = {}
    for i, s in enumerate(test.stimuli):
        units.setdefault((s.group or s.degraded_id, s.role), []).append(i)
    if len(units) == len(test.stimuli):
        return test
    places = [np.array(members) for members in units.values()]
    return replace(
        test,
        stimuli=tuple(_unit([test.stimuli[i] for i in members]) for members in places),
        ratings=_means(test.ratings, places),
        values={name: _common(test, values, places) for name, values in test.values.items()},
        grouped=len(test.stimuli),
    )


def _unit(members: Sequence[Stimulus]) -> Stimulus:
    first = members[0]
    if len(members) == 1:
        return first

    def shared(name: str, otherwise: str | None) -> str | None:
        return getattr(first, name) if len({getattr(s, name) for s in members}) == 1 else otherwise

    return replace(
        first,
        degraded_id=first.group or first.degraded_id,
        references=tuple(dict.fromkeys(name for s in members for name in s.references)),
        item=first.group or first.item,
        condition=shared("condition", first.group) or first.condition,
        content=shared("content", None),
        audible=any(s.audible for s in members),
        short=all(s.short for s in members),
        mean=float(np.mean([s.mean for s in members])),
    )


def _means(ratings: Values, places: Sequence[Places]) -> Values:
    """(units, listeners): each listener's mean over the members rated; NaN where there is none."""
    rows = np.full((len(places), ratings.shape[1]), np.nan)
    for row, members in zip(rows, places, strict=True):
        rated = ~np.isnan(ratings[members])
        count = rated.sum(axis=0)
        row[count > 0] = (np.where(rated, ratings[members], 0.0).sum(axis=0) / np.maximum(count, 1))[count > 0]
    return rows


def _common(test: Rated, values: Values, places: Sequence[Places]) -> Values:
    counted = np.array([s.counted for s in test.stimuli])
    kept = [members[counted[members]] for members in places]
    return np.array([values[members].mean() if len(members) else np.nan for members in kept])
