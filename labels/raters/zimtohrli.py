"""Zimtohrli, a psychoacoustic distance near the threshold of hearing a difference."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from labels.raters.rater import Judge, Rater, Rating
from manifests.provenance import package_version


class Zimtohrli(Rater):
    """Zimtohrli distance, 0 to about 1, mean over the channels (Alakuijala et al. 2025, "Zimtohrli: An Efficient
    Psychoacoustic Audio Similarity Metric").

    Extra: mos, the distance mapped to 1 ... 5 by the package.
    """

    name = "zimtohrli"
    scale = "Zimtohrli distance"
    sample_rate = 48_000
    channels = 2
    identity = 0.0
    higher_is_better = False
    aligned = True
    shortest_s = 0.5
    requires = ("zimtohrli",)

    def judge(self, reference: Samples) -> Judge:
        import zimtohrli

        self.check(reference, "reference")
        engine = zimtohrli.Pyohrli()
        left, right = np.ascontiguousarray(reference.T, dtype=np.float32)

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            channels = np.ascontiguousarray(degraded.T, dtype=np.float32)
            value = float(np.mean([engine.distance(*pair) for pair in zip((left, right), channels, strict=True)]))
            return Rating(value, {"mos": float(zimtohrli.mos_from_zimtohrli(value))})

        return rate

    def tools(self) -> dict[str, str]:
        return {"zimtohrli": package_version("zimtohrli")}
