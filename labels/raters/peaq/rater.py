"""PEAQ, basic version: the objective difference grade of ITU-R BS.1387-1."""

from __future__ import annotations

from deepaq.audio import Samples
from labels.raters.peaq import ear
from labels.raters.peaq.movs import model_output_variables
from labels.raters.peaq.network import distortion_index, objective_difference_grade
from labels.raters.rater import Judge, Rater, Rating


class Peaq(Rater):
    """ODG from 0.2 (imperceptible) down to -3.98 (very annoying); saturates near -3.8.

    Extras: DI and the 11 model output variables. Full scale corresponds to 92 dB SPL. A reference compared with itself
    gets 0.13 to 0.22, depending on its bandwidth.
    """

    name = "peaq"
    scale = "ODG"
    sample_rate = ear.SAMPLE_RATE
    channels = 2
    identity = 0.21
    aligned = True
    shortest_s = 1.0

    def judge(self, reference: Samples) -> Judge:
        self.check(reference, "reference")

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            values = model_output_variables(reference, degraded)
            index = distortion_index(values)
            return Rating(objective_difference_grade(index), {"DI": index, **values})

        return rate
