"""HAAQI, the hearing-aid audio quality index, for normal hearing, by pyclarity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from deepaq.audio import Samples, level_dbfs
from labels.raters.rater import Judge, Rater, Rating
from manifests.provenance import package_version

SEED = 0
REFERENCE_LEVEL = 65.0  # dB SPL at which the reference is played


class Haaqi(Rater):
    """HAAQI of the mean of the channels, 0 to 1 (Kates and Arehart 2016, "The Hearing-Aid Audio Quality Index
    (HAAQI)").

    The audiogram is 0 dB at all frequencies, the index applies the NAL-R equalisation, and the reference is set to
    65 dB SPL. The index adds noise, seeded here, so identical signals may score slightly below 1.
    """

    name = "haaqi"
    scale = "HAAQI"
    sample_rate = 48_000
    identity = 1.0
    aligned = True
    shortest_s = 1.0
    requires = ("clarity",)
    install = "--no-deps pyclarity"  # its requirements include a torchaudio that may not fit torch

    def judge(self, reference: Samples) -> Judge:
        from clarity.evaluator.haaqi import compute_haaqi
        from clarity.utils.audiogram import Audiogram

        self.check(reference, "reference")
        flat = Audiogram(levels=np.zeros(6), frequencies=np.array([250.0, 500.0, 1000.0, 2000.0, 4000.0, 6000.0]))
        level = REFERENCE_LEVEL - level_dbfs(reference)  # SPL of a signal with RMS 1
        clean = reference.astype(np.float64)

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            with _seeded():
                value = compute_haaqi(
                    processed_signal=degraded.astype(np.float64),
                    reference_signal=clean,
                    processed_sample_rate=self.sample_rate,
                    reference_sample_rate=self.sample_rate,
                    audiogram=flat,
                    equalisation=1,
                    level1=level,
                )
            return Rating(float(value))

        return rate

    def tools(self) -> dict[str, str]:
        return {"pyclarity": package_version("pyclarity")}


@contextmanager
def _seeded() -> Iterator[None]:
    """Seed numpy's global generator, from which the index draws, and restore it afterwards."""
    state = np.random.get_state()
    np.random.seed(SEED)
    try:
        yield
    finally:
        np.random.set_state(state)
