"""STOI: intelligibility of speech."""

from __future__ import annotations

import warnings

from deepaq.audio import Samples
from deepaq.errors import UserError
from labels.raters.rater import Judge, Rater, Rating
from manifests.provenance import package_version


class Stoi(Rater):
    """Short-time objective intelligibility, 0 to 1 (Taal et al. 2011, "An Algorithm for Intelligibility Prediction of
    Time-Frequency Weighted Noisy Speech")."""

    name = "stoi"
    scale = "STOI"
    sample_rate = 16_000
    identity = 1.0
    aligned = True
    shortest_s = 0.5
    requires = ("pystoi",)

    def judge(self, reference: Samples) -> Judge:
        from pystoi import stoi

        self.check(reference, "reference")

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                try:
                    return Rating(float(stoi(reference, degraded, self.sample_rate)))
                except RuntimeWarning:
                    raise UserError("less than 0.4 s of the reference is not silent; STOI needs more") from None

        return rate

    def tools(self) -> dict[str, str]:
        return {"pystoi": package_version("pystoi")}
