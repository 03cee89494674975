"""Excitation patterns over time: smearing, modulation, adaptation, loudness.

ITU-R BS.1387-1, annex 2, sections 2.1.5, 3.1 to 3.3; Kabal 2003, sections 2.8 and 3. Arrays are
(steps, channels, bands).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labels.raters.peaq.ear import BANDS, CENTRES_HZ, INTERNAL_NOISE, STEPS_PER_S, Reals

_BELOW, _ABOVE = 3, 4  # bands over which corrections are averaged
_LOUDNESS_SCALE, _REFERENCE_ENERGY = 1.07664, 1e4


def _decay(at_100_hz: float, least: float = 0.008) -> Reals:
    """Factor per step of a first-order low-pass, (bands,); time constants in seconds."""
    seconds = least + 100 / CENTRES_HZ * (at_100_hz - least)
    return np.exp(-1 / (STEPS_PER_S * seconds))


_SMEARING = _decay(0.030)
_ADAPTATION = _decay(0.050)


def _accumulate(decay: Reals, values: Reals) -> Reals:
    """Filter y[n] = decay y[n - 1] + values[n], starting from silence."""
    result = np.empty_like(values)
    state = np.zeros_like(values[0])
    for step, value in enumerate(values):
        state = decay * state + value
        result[step] = state
    return result


def _smooth(decay: Reals, values: Reals) -> Reals:
    return _accumulate(decay, (1 - decay) * values)


def smear(unsmeared: Reals) -> Reals:
    """Apply forward masking: excitation falls no faster than the ear recovers."""
    return np.maximum(_smooth(_SMEARING, unsmeared), unsmeared)


@dataclass(frozen=True)
class Modulation:
    """Modulation. degree: strength of envelope fluctuations. mean: running average of the compressed excitation."""

    degree: Reals
    mean: Reals


def modulation(unsmeared: Reals) -> Modulation:
    """Modulation of the envelopes of spread, not yet smeared excitation."""
    compressed = unsmeared**0.3
    change = STEPS_PER_S * np.abs(np.diff(compressed, axis=0, prepend=0))
    mean = _smooth(_ADAPTATION, compressed)
    return Modulation(_smooth(_ADAPTATION, change) / (1 + mean / 0.3), mean)


def adapt(reference: Reals, test: Reals) -> tuple[Reals, Reals]:
    """Remove differences that the ear adapts to: in level, and slowly varying ones in the spectrum."""
    slow_reference, slow_test = _smooth(_ADAPTATION, reference), _smooth(_ADAPTATION, test)
    level = np.sum(np.sqrt(slow_reference * slow_test), axis=-1, keepdims=True) / slow_test.sum(-1, keepdims=True)
    level **= 2
    reference, test = reference / np.maximum(level, 1), test * np.minimum(level, 1)
    ratio = _accumulate(_ADAPTATION, reference * test) / _accumulate(_ADAPTATION, reference**2)
    correct_reference = _smooth(_ADAPTATION, _average_bands(np.minimum(ratio, 1)))
    correct_test = _smooth(_ADAPTATION, _average_bands(np.minimum(1 / ratio, 1)))
    return reference * correct_reference, test * correct_test


def _average_bands(values: Reals) -> Reals:
    """Average over a band, the 3 below and the 4 above it, fewer at the ends."""
    sums = np.concatenate([np.zeros_like(values[..., :1]), np.cumsum(values, axis=-1)], axis=-1)
    bands = np.arange(BANDS)
    first, last = np.maximum(bands - _BELOW, 0), np.minimum(bands + _ABOVE, BANDS - 1) + 1
    means: Reals = (sums[..., last] - sums[..., first]) / (last - first)
    return means


def loudness(excitation: Reals) -> Reals:
    """Loudness in sone: (steps, channels)."""
    khz = CENTRES_HZ / 1000
    threshold = 10 ** (0.364 * khz**-0.8)
    index = 10 ** (0.1 * (-2 - 2.05 * np.arctan(khz / 4) - 0.75 * np.arctan((khz / 1.6) ** 2)))
    scale = _LOUDNESS_SCALE * (threshold / (index * _REFERENCE_ENERGY)) ** 0.23
    specific = scale * ((1 - index + index * excitation / threshold) ** 0.23 - 1)
    total: Reals = 24 / BANDS * np.maximum(specific, 0).sum(axis=-1)
    return total


def noise_loudness(reference: Reals, test: Reals, modulation_reference: Reals, modulation_test: Reals) -> Reals:
    """Loudness of the partially masked additive distortion in adapted patterns (section 4.3): (steps, channels)."""
    slope_reference, slope_test = 0.15 * modulation_reference + 0.5, 0.15 * modulation_test + 0.5
    masking = np.exp(-1.5 * (test - reference) / reference)
    excess = np.maximum(slope_test * test - slope_reference * reference, 0)
    relative = excess / (INTERNAL_NOISE + slope_reference * reference * masking)
    partial = (INTERNAL_NOISE / slope_test) ** 0.23 * ((1 + relative) ** 0.23 - 1)
    return np.maximum(24 / BANDS * partial.sum(axis=-1), 0)
