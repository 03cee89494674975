"""The registered rater: ViSQOL behind a validating door."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from deepaq.audio import Samples
from deepaq.errors import UserError
from labels.rater import Judge, Rater, Rating
from labels.visqol import shipped
from labels.visqol.mode import AUDIO, Mode
from labels.visqol.validation import validate
from manifests.provenance import package_version

SAMPLE_RATE = AUDIO.sample_rate
IDENTITY_MOS = 4.732101253042  # what ViSQOL v3 gives a reference against itself
ENGINES = ("fast", "shipped")


class Visqol(Rater):
    """MOS-LQO, 1 to 4.732 (Chinen et al. 2020, "ViSQOL v3: An Open Source Production Ready Objective Speech and
    Audio Metric").

    engine: `fast`, ours, or `shipped`, visqol-python as it is; their values agree to better than 1e-6.
    """

    name = "visqol"
    scale = "MOS-LQO"
    sample_rate = SAMPLE_RATE
    identity = IDENTITY_MOS
    mode: Mode = AUDIO

    def __init__(self, engine: str = "fast") -> None:
        if engine not in ENGINES:
            raise UserError(f"--engine {engine}: known are {', '.join(ENGINES)}")
        self.engine = engine

    def judge(self, reference: Samples) -> Judge:
        validate(reference, self.sample_rate, "reference")
        measure = self._prepared(reference)

        def rate(degraded: Samples) -> Rating:
            validate(degraded, self.sample_rate, "degraded version")
            mos, vnsim = measure(degraded)
            if not math.isfinite(mos):
                raise UserError("ViSQOL gave no finite MOS")
            return Rating(mos, {"vnsim": vnsim})

        return rate

    def _prepared(self, reference: Samples) -> Callable[[Samples], tuple[float, float]]:
        """What measures MOS and mean similarity of versions of the reference."""
        if self.engine == "shipped":

            def measure(degraded: Samples) -> tuple[float, float]:
                result = shipped.measure(reference, degraded, self.mode)
                return float(result.moslqo), float(result.vnsim)

            return measure
        from labels.visqol.engine import Reference

        prepared = Reference(reference, self.mode)

        def score(degraded: Samples) -> tuple[float, float]:
            found = prepared.score(degraded)
            return found.mos, found.vnsim

        return score

    def warm_up(self) -> None:
        noise: Samples = (np.random.default_rng(0).standard_normal(2 * self.sample_rate) / 10).astype(np.float32)
        self.judge(noise)(noise)
        shipped.measure(noise, noise, self.mode)  # the fast engine leaves to it what is too close to call

    def tools(self) -> dict[str, str]:
        return {"visqol-python": package_version("visqol-python"), "numba": package_version("numba")}
