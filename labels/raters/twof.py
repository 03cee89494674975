"""The 2f-model: MUSHRA scores from two of PEAQ's variables."""

from __future__ import annotations

from collections.abc import Mapping

from deepaq.audio import Samples
from labels.raters.peaq import ear
from labels.raters.peaq.movs import model_output_variables
from labels.raters.rater import Judge, Rater, Rating


class TwoF(Rater):
    """Mean MUSHRA score, 0 to 100 (Kastner and Herre 2019, "An Efficient Model for Estimating Subjective Quality of
    Separated Audio Source Signals").

    Extras: the score before clipping (118.5 for a reference compared with itself), AvgModDiff1 and ADB.
    """

    name = "2f"
    scale = "MUSHRA"
    sample_rate = ear.SAMPLE_RATE
    channels = 2
    identity = 100.0
    aligned = True
    shortest_s = 1.0

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            values = model_output_variables(reference, degraded)
            raw = two_f(values)
            kept = {name: values[name] for name in ("AvgModDiff1", "ADB")}
            return Rating(min(max(raw, 0.0), 100.0), {"raw": raw, **kept})

        return rate


def two_f(values: Mapping[str, float]) -> float:
    """Unclipped score from PEAQ's AvgModDiff1 and ADB."""
    slope = -0.0282 * values["AvgModDiff1"] - 0.8628
    return 56.1345 / (1 + slope**2) - 27.1451 * values["ADB"] + 86.3515
