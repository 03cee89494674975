"""Network of the basic version: maps 11 model output variables to the distortion index (BS.1387-1, annex 2, section 6,
tables 9 to 12)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# variable, range scaled to 0 ... 1, weights to the three hidden nodes
_INPUTS = {
    "BandwidthRef": (393.916656, 921.0, (-0.502657, 0.436333, 1.219602)),
    "BandwidthTest": (361.965332, 881.131226, (4.307481, 3.246017, 1.123743)),
    "TotalNMR": (-24.045116, 16.212030, (4.984241, -2.211189, -0.192096)),
    "WinModDiff1": (1.110661, 107.137772, (0.051056, -1.762424, 4.331315)),
    "ADB": (-0.206623, 2.886017, (2.321580, 1.789971, -0.754560)),
    "EHS": (0.074318, 13.933351, (-5.303901, -3.452257, -10.814982)),
    "AvgModDiff1": (1.113683, 63.257874, (2.730991, -6.111805, 1.519223)),
    "AvgModDiff2": (0.950345, 1145.018555, (0.624950, -1.331523, -5.955151)),
    "RmsNoiseLoud": (0.029985, 14.819740, (3.102889, 0.871260, -5.922878)),
    "MFPD": (0.000101, 1.0, (-1.051468, -0.939882, -0.142913)),
    "RelDistFrames": (0.0, 1.0, (-1.804679, -0.503610, -0.620456)),
}
_HIDDEN_BIAS = (-2.518254, 0.654841, -2.207228)
_OUTPUT, _OUTPUT_BIAS = (-3.817048, 4.107138, 4.629582), -0.307594
_LOWEST, _HIGHEST = -3.98, 0.22
VARIABLES = tuple(_INPUTS)


def distortion_index(variables: Mapping[str, float]) -> float:
    """Distortion index (DI) of the 11 variables of `VARIABLES`."""
    hidden = np.array(_HIDDEN_BIAS)
    for name, (low, high, weights) in _INPUTS.items():
        hidden += (variables[name] - low) / (high - low) * np.array(weights)
    return float(np.dot(_OUTPUT, 1 / (1 + np.exp(-hidden)))) + _OUTPUT_BIAS


def objective_difference_grade(index: float) -> float:
    """Objective difference grade (ODG) of a DI: 0.22 (imperceptible) down to -3.98 (very annoying)."""
    return _LOWEST + (_HIGHEST - _LOWEST) / (1 + float(np.exp(-index)))
