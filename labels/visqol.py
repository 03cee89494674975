"""ViSQOL v3 in audio mode: pseudo-MOS of music, by visqol-python behind a validating door.

The package accepts stereo, integers, other sample rates, silence and NaN without complaint and then gives wrong or
no numbers; here they are errors.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from deepaq.audio import Samples, is_silent
from deepaq.errors import UserError
from labels.rater import Judge, Rater, Rating
from manifests.provenance import package_version

SAMPLE_RATE = 48_000
SHORTEST_S = 1.0
IDENTITY_MOS = 4.732101253042  # what ViSQOL v3 gives a reference against itself


class Visqol(Rater):
    """MOS-LQO, 1 to 4.732 (Chinen et al. 2020, "ViSQOL v3: An Open Source Production Ready Objective Speech and
    Audio Metric")."""

    name = "visqol"
    scale = "MOS-LQO"
    sample_rate = SAMPLE_RATE
    identity = IDENTITY_MOS

    def judge(self, reference: Samples) -> Judge:
        validate(reference, "reference")

        def rate(degraded: Samples) -> Rating:
            validate(degraded, "degraded version")
            result = _engine().measure_from_arrays(reference, degraded, SAMPLE_RATE)
            if not math.isfinite(result.moslqo):
                raise UserError("ViSQOL gave no finite MOS")
            return Rating(float(result.moslqo), {"vnsim": float(result.vnsim)})

        return rate

    def warm_up(self) -> None:
        noise: Samples = (np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE) / 10).astype(np.float32)
        self.judge(noise)(noise)

    def tools(self) -> dict[str, str]:
        return {"visqol-python": package_version("visqol-python"), "numba": package_version("numba")}


def validate(samples: Samples, what: str) -> None:
    """UserError unless `samples` is mono float32 or float64, finite, audible and at least one second long."""
    if samples.ndim != 1:
        raise UserError(f"the {what} has shape {samples.shape}; ViSQOL takes mono, mix it down")
    if samples.dtype not in (np.float32, np.float64):
        raise UserError(f"the {what} is {samples.dtype}; ViSQOL takes floating point within -1 to 1")
    if len(samples) < SHORTEST_S * SAMPLE_RATE:
        raise UserError(f"the {what} lasts {len(samples) / SAMPLE_RATE:.2f} s; ViSQOL needs {SHORTEST_S:g} s")
    if not np.isfinite(samples).all():
        raise UserError(f"the {what} holds NaN or infinite samples")
    if is_silent(samples):
        raise UserError(f"the {what} is silent")


@cache
def _engine() -> Any:
    """One engine per process."""
    from visqol import VisqolApi

    engine = VisqolApi()
    engine.create(mode="audio")
    return engine
