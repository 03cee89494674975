"""The explanation of a score: its distance divided by kind, time and band."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from deepaq.audio.stream import Sound
from deepaq.core.core import Core
from deepaq.core.filterbank import erb_centres
from deepaq.core.spectrum import BANDS
from deepaq.errors import UserError
from deepaq.explanation.kinds import KINDS, by_kind
from deepaq.scoring.matched import Signals
from deepaq.scoring.metric import Metric, load
from deepaq.scoring.score import Score
from deepaq.scoring.segments import Span

COLUMN_S = 0.2
THIRDS = ("lower", "middle", "upper")

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moment:
    """A stretch of the degraded signal, and its share of the squared distance."""

    start_s: float
    seconds: float
    share: float


@dataclass(frozen=True)
class Explanation:
    """What a distance consists of.

    score: what `deepaq.load().score` gives. cells: (7, columns, 64), by kind (`deepaq.explanation.kinds.KINDS`), time
    and band: shares of the *squared* distance, which is the mean of the squares over time; they sum to 1, or are all 0
    for equal signals. time_s: (columns,), where the columns of .2 s start in the degraded signal. band_hz: (64,), centres
    of the ERB bands. mos_without: by kind, the MOS if the parts of this kind were 0; None without a mapping.
    """

    score: Score
    cells: Values
    time_s: Values
    band_hz: Values
    mos_without: dict[str, float | None]

    @cached_property
    def kinds(self) -> dict[str, float]:
        """Share of every kind."""
        return dict(zip(KINDS, map(float, self.cells.sum(axis=(1, 2))), strict=True))

    @property
    def first(self) -> str:
        """The kind with the largest share."""
        return max(self.kinds, key=self.kinds.__getitem__)

    @cached_property
    def thirds(self) -> dict[str, float]:
        """Share of the lower, middle and upper third of the bands: up to about 950 Hz, 4.6 kHz and 20 kHz."""
        parts = np.array_split(self.cells.sum(axis=(0, 1)), len(THIRDS))
        return {name: float(part.sum()) for name, part in zip(THIRDS, parts, strict=True)}

    @cached_property
    def worst(self) -> Moment:
        """The second with the largest share."""
        over_time = self.cells.sum(axis=(0, 2))
        width = min(round(1 / COLUMN_S), len(over_time))
        total = np.convolve(over_time, np.ones(width), "valid")
        start = int(np.argmax(total))
        return Moment(float(self.time_s[start]), width * COLUMN_S, float(total[start]))

    def to_json(self) -> dict[str, Any]:
        """Shares by kind, third of the spectrum and second, JSON-serialisable; the score is not among them."""
        over_time = self.cells.sum(axis=(0, 2))
        width = round(1 / COLUMN_S)
        return {
            "kinds": self.kinds,
            "mos_without": self.mos_without,
            "thirds": self.thirds,
            "worst": asdict(self.worst),
            "seconds": [float(over_time[start : start + width].sum()) for start in range(0, len(over_time), width)],
        }


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
            np.arange(cells.shape[1]) * COLUMN_S,
            erb_centres(BANDS),
            {
                kind: None if mapping is None else float(mapping(value))
                for kind, value in zip(KINDS, without, strict=True)
            },
        )


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
    return collector.explanation(score, metric)
