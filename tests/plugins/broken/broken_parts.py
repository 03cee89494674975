"""Parts that do not keep their contract."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.coding.arrays import ArrayCodec
from prep.coding.codecs import Codec
from prep.distortions.distortion import Distortion, Parameters, by_severity

NUMBER = 7
OPUS = Codec("opus", "libopus", ".opus", 48_000, {})


class Abstract:
    """Is no rater."""


class Raising(ArrayCodec):
    name = "raising"
    sample_rate = 48_000
    kbps = (64,)
    version = "1"

    def encode(self, samples: Samples, kbps: int) -> bytes:
        raise ZeroDivisionError("on purpose")

    def decode(self, stream: bytes, kbps: int) -> Samples:
        raise NotImplementedError


def _raise(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    raise KeyError("on purpose")


RAISING = Distortion("raising", _raise, by_severity(amount=(1, 2, 3, 4, 5)))
