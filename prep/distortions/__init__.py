"""Distortions beyond coding, each in five severities, as pure functions of samples and a seed.

    from prep.distortions import DISTORTIONS, distort
    worse = distort(samples, 44_100, "packet-loss", severity=3, seed=7)

Those of installed packages come through the entry points `deepaq.distortions`; `prep.testing` has their contract test.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from deepaq.audio import Samples
from deepaq.errors import UserError
from deepaq.registry import Registry
from prep.distortions.distortion import Distortion

__all__ = ["DISTORTIONS", "Distortion", "distort"]

_BUILT_IN = {
    "lowpass": "prep.distortions.band_limit:LOWPASS",
    "highpass": "prep.distortions.band_limit:HIGHPASS",
    "noise": "prep.distortions.noise:NOISE",
    "pink-noise": "prep.distortions.noise:PINK_NOISE",
    "clipping": "prep.distortions.clipping:CLIPPING",
    "quantisation": "prep.distortions.quantisation:QUANTISATION",
    "dropouts": "prep.distortions.gaps:DROPOUTS",
    "packet-loss": "prep.distortions.gaps:PACKET_LOSS",
    "pre-echo": "prep.distortions.pre_echo:PRE_ECHO",
    "spectral-holes": "prep.distortions.holes:SPECTRAL_HOLES",
    "musical-noise": "prep.distortions.holes:MUSICAL_NOISE",
    "separation": "prep.distortions.holes:SEPARATION",
    "reverberation": "prep.distortions.reverberation:REVERBERATION",
    "tandem": "prep.distortions.tandem:TANDEM",
    "narrowing": "prep.distortions.image:NARROWING",
    "imbalance": "prep.distortions.image:IMBALANCE",
    "pumping": "prep.distortions.level:PUMPING",
    "level-jumps": "prep.distortions.level:LEVEL_JUMPS",
    "level-spread": "prep.distortions.level:LEVEL_SPREAD",
    "vocoder": "prep.distortions.vocoder:VOCODER",
    "vector-quantisation": "prep.distortions.vector_quantisation:VECTOR_QUANTISATION",
    "gap-extrapolation": "prep.distortions.filling:GAP_EXTRAPOLATION",
    "gap-repetition": "prep.distortions.filling:GAP_REPETITION",
    "wiener-mask": "prep.distortions.residue:WIENER_MASK",
    "leakage": "prep.distortions.residue:LEAKAGE",
    "phase-dispersion": "prep.distortions.dispersion:PHASE_DISPERSION",
    "rate-drift": "prep.distortions.drift:RATE_DRIFT",
}
ALL = "all"  # stands for every built-in distortion


def _accepted(name: str, part: Any) -> Distortion:
    if not isinstance(part, Distortion):
        raise ValueError(f"is not a {Distortion.__module__}.Distortion")
    if name == ALL or name[-1].isdecimal():
        raise ValueError(f"a distortion is not called {ALL} and its name does not end in a digit")
    if not part.parameters or any(step.keys() != part.parameters[0].keys() for step in part.parameters):
        raise ValueError("its severities do not have the same parameters")
    return part


DISTORTIONS: Registry[Distortion] = Registry("distortion", "deepaq.distortions", _BUILT_IN, _accepted, "prep")


def distort(samples: Samples, sample_rate: int, name: str, severity: int, seed: int) -> Samples:
    """Damage `samples` and return as many: float32 (frames, channels), no delay, full scale 1.0 may be exceeded.

    samples: finite float32 (frames, channels), left untouched. sample_rate: Hz; the parameters are meant for 44.1 kHz,
    and a band limit at or above half the rate changes nothing. name: of the registry. severity: 1 (hardly audible)
    to 5. seed: decides everything random; the same arguments give the same samples.
    Raises UserError for an unknown name or severity, ValueError for another shape or no frames.
    """
    if samples.ndim != 2 or not samples.size:
        raise ValueError(f"samples of shape (frames, channels) are needed, not {samples.shape}")
    if name not in DISTORTIONS:
        raise UserError(f"{name}: unknown distortion; known are {', '.join(DISTORTIONS)}")
    distortion = DISTORTIONS[name]
    if severity not in distortion.severities:
        raise UserError(f"{name} {severity}: severity is {distortion.severities[0]} to {distortion.severities[-1]}")
    parameters, rng = distortion.parameters[severity - 1], np.random.default_rng(seed)
    with DISTORTIONS.attributed(name):
        result = distortion.apply(samples, sample_rate, parameters, rng)
    return np.ascontiguousarray(result, dtype=np.float32)
