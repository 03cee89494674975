"""The explanation of a score: its distance divided by kind, time and band."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from deepaq.explanation.kinds import KINDS
from deepaq.scoring.score import Score

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
    """The parts of a distance.

    score: what `deepaq.load().score` gives. cells: (7, columns, 64), by kind (`deepaq.explanation.kinds.KINDS`), time
    and band: shares of the *squared* distance, which is the mean of the squares over time; they sum to 1, or are all 0
    for equal signals. time_s: (columns,), where the columns of .2 s start in the degraded signal. band_hz: (64,),
    centres of the ERB bands. mos_without: by kind, the MOS if the parts of this kind were 0; None without a mapping.
    sentences: what most of the difference is, when it is worst and what the rest is; one for equal signals.
    """

    score: Score
    cells: Values
    time_s: Values
    band_hz: Values
    mos_without: dict[str, float | None]
    sentences: tuple[str, ...] = ()

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
        """Shares by kind, third of the spectrum and second, and the sentences, JSON-serialisable; without the score."""
        over_time = self.cells.sum(axis=(0, 2))
        width = round(1 / COLUMN_S)
        return {
            "kinds": self.kinds,
            "mos_without": self.mos_without,
            "thirds": self.thirds,
            "worst": asdict(self.worst),
            "shares_by_second": [
                float(over_time[start : start + width].sum()) for start in range(0, len(over_time), width)
            ],
            "sentences": list(self.sentences),
        }
