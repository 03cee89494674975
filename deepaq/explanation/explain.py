"""From a pair of sounds to the explanation of its score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepaq.audio.stream import Sound
from deepaq.core.core import Core
from deepaq.core.filterbank import erb_centres
from deepaq.core.spectrum import BANDS
from deepaq.errors import UserError
from deepaq.explanation.explanation import COLUMN_S, Explanation, Values
from deepaq.explanation.kinds import KINDS, by_kind
from deepaq.explanation.words import sentences
from deepaq.scoring.matched import Signals
from deepaq.scoring.metric import Metric, load
from deepaq.scoring.score import Score
from deepaq.scoring.segments import Span


def explain(
    reference: Sound,
    degraded: Sound,
    *,
    metric: Metric | None = None,
    sample_rate: int | None = None,
    match_level: bool = True,
) -> Explanation:
    """Explain the score of a degraded sound: its distance divided by kind of damage, time and band.

    reference, degraded, sample_rate, match_level: as for `Metric.score`. metric: the packaged one by default; UserError
    for a network, whose distance has no parts.
    """
    metric = metric or load()
    if not isinstance(metric.backbone, Core):
        raise UserError(
            f"the distance of the network {metric.backbone.name} has no parts to explain; use the packaged model, "
            "or see where it is worst with `deepaq score --timeline`"
        )
    collector = _Collector(metric.backbone)
    score = metric.observed(reference, degraded, collector.add, sample_rate=sample_rate, match_level=match_level)
    found = collector.explanation(score, metric)
    return replace(found, sentences=tuple(sentences(found)))


class _Collector:
    """Adds up what the core finds in the segments of a pair."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.columns: list[Values] = []  # (7, 64) each
        self.without = np.zeros(len(KINDS))
        self.seconds = 0.0

    def add(self, span: Span, signals: Signals) -> None:
        found = by_kind(self.core, *signals)
        new = span.new_steps(found.shape[1])
        found = found[:, new]
        count, seconds = found.shape[1], span.new / self.core.sample_rate
        weights = span.audible(count) * seconds / count
        kinds = found.sum(axis=2)
        distance = kinds.sum(axis=0)
        self.seconds += float(weights.sum())
        self.without += (weights * (distance - kinds) ** 2).sum(axis=1)
        places = ((span.start_s + np.arange(count) / count * seconds) / COLUMN_S + 1e-9).astype(int)
        while len(self.columns) <= places[-1]:
            self.columns.append(np.zeros((len(KINDS), BANDS)))
        for step, place in enumerate(places):
            self.columns[place] += weights[step] * distance[step] * found[:, step]

    def explanation(self, score: Score, metric: Metric) -> Explanation:
        cells = np.stack(self.columns, axis=1)
        total = cells.sum()
        mapping = metric.model.full
        without = np.sqrt(self.without / self.seconds)
        return Explanation(
            score,
            cells / total if total > 0 else cells,
            np.arange(cells.shape[1], dtype=np.float64) * COLUMN_S,
            erb_centres(BANDS),
            {
                kind: None if mapping is None else float(mapping(value))
                for kind, value in zip(KINDS, without, strict=True)
            },
        )
