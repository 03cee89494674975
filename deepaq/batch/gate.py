"""The gate of `deepaq score --min-mos`: conditions for a file to pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deepaq.errors import UserError
from deepaq.scoring.metric import Metric
from deepaq.scoring.score import Score

LONGEST_UNSCORED_S = 0.5  # at the beginning, and at the end


@dataclass(frozen=True)
class Gate:
    """Conditions to pass. least: lowest MOS. allow_shorter: accept files that were not scored completely. option: the
    one that gave `least`."""

    least: float
    allow_shorter: bool = False
    option: str = "--min-mos"

    def check(self, metric: Metric, unmatched: bool) -> None:
        """Raise UserError if no file could pass with this model. unmatched: non-matching references are used."""
        best = top(metric, unmatched)
        if best is None:
            raise UserError(f"{self.option}: this model gives distances only, it has no mapping to a MOS")
        if not math.isfinite(self.least) or self.least > best:
            raise UserError(
                f"{self.option} {self.least:g}: give a MOS, 1 to {best:.2f}; this model rates nothing higher"
            )

    def objections(self, score: Score) -> list[str]:
        """Reasons why a file does not pass; empty if it passes."""
        found = []
        if score.mos is None or not score.mos >= self.least:
            found.append(f"MOS {'-' if score.mos is None else f'{score.mos:.2f}'} is below {self.least:g}")
        if not self.allow_shorter:
            unscored = (
                ("starts", score.lag_s, "later", "earlier"),
                ("is", score.length_difference_s, "longer", "shorter"),
            )
            found += [
                f"{verb} {abs(apart):.2f} s {more if apart > 0 else less} than its reference, so part of it was not "
                "scored; see --allow-shorter"
                for verb, apart, more, less in unscored
                if apart is not None and abs(apart) > LONGEST_UNSCORED_S
            ]
        return found


def top(metric: Metric, unmatched: bool) -> float | None:
    """The MOS of distance 0, the highest that the model gives; None without a mapping."""
    mapping = metric.clips.model.unmatched if unmatched else metric.model.full
    return None if mapping is None else float(mapping(0.0))
