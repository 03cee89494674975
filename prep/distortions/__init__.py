"""Distortions beyond coding, each in five grades of severity, as pure functions of samples and a seed.

    from prep.distortions import DISTORTIONS, distort
    worse = distort(samples, 44_100, "packet-loss", severity=3, seed=7)

Adding one is one file with a `Distortion` and its entry here; one contract test runs over all of them.
"""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from deepaq.errors import UserError
from prep.distortions import (
    band_limit,
    clipping,
    gaps,
    holes,
    image,
    level,
    noise,
    pre_echo,
    quantisation,
    reverberation,
    tandem,
)
from prep.distortions.distortion import Distortion

__all__ = ["DISTORTIONS", "Distortion", "distort"]

DISTORTIONS: dict[str, Distortion] = {
    distortion.name: distortion
    for distortion in (
        band_limit.LOWPASS,
        band_limit.HIGHPASS,
        noise.NOISE,
        noise.PINK_NOISE,
        clipping.CLIPPING,
        quantisation.QUANTISATION,
        gaps.DROPOUTS,
        gaps.PACKET_LOSS,
        pre_echo.PRE_ECHO,
        holes.SPECTRAL_HOLES,
        holes.MUSICAL_NOISE,
        holes.SEPARATION,
        reverberation.REVERBERATION,
        tandem.TANDEM,
        image.NARROWING,
        image.IMBALANCE,
        level.PUMPING,
        level.LEVEL_JUMPS,
    )
}


def distort(samples: Samples, sample_rate: int, name: str, severity: int, seed: int) -> Samples:
    """Damage `samples` and return as many: float32 (frames, channels), no delay, full scale 1.0 may be exceeded.

    samples: finite float32 (frames, channels), left untouched. sample_rate: Hz; grades are meant for 44.1 kHz, and a
    band limit at or above half the rate changes nothing. name: of the registry. severity: 1 (hardly audible) to 5.
    seed: decides everything random; the same arguments give the same samples.
    Raises UserError for an unknown name or severity, ValueError for another shape or no frames.
    """
    if samples.ndim != 2 or not samples.size:
        raise ValueError(f"samples of shape (frames, channels) are needed, not {samples.shape}")
    if name not in DISTORTIONS:
        raise UserError(f"{name}: unknown distortion; known are {', '.join(DISTORTIONS)}")
    distortion = DISTORTIONS[name]
    if severity not in distortion.severities:
        raise UserError(f"{name} {severity}: severity is {distortion.severities[0]} to {distortion.severities[-1]}")
    result = distortion.apply(samples, sample_rate, distortion.parameters[severity - 1], np.random.default_rng(seed))
    return np.ascontiguousarray(result, dtype=np.float32)
