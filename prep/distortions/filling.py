"""Filled gaps: missing segments made up from what surrounds them, by extrapolation or repetition."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter, lfiltic

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity

_CONTEXT_S, _ORDER = 0.1, 256
_MATCH_S, _REACH_S = 0.02, 0.25  # compared before a gap, and how far back a repetition may start
_EDGE_S = 0.002
_GAPS_PER_S = (0.5, 1.0, 2.0, 3.0, 4.0)
_MILLISECONDS = (5, 12, 25, 50, 90)


def _extrapolate(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Fill gaps by linear prediction from both sides, blended (Kauppinen and Roth, DAFx 2002)."""
    result = samples.copy()
    context = round(_CONTEXT_S * sample_rate)
    for begin, end in _gaps(samples, sample_rate, parameters, rng):
        blend = np.cos(np.linspace(0, np.pi / 2, end - begin)) ** 2
        for channel in range(samples.shape[1]):
            before = result[max(0, begin - context) : begin, channel]
            after = samples[end : end + context, channel]
            forward = _predicted(before, end - begin)
            backward = _predicted(after[::-1], end - begin)[::-1]
            result[begin:end, channel] = blend * forward + (1 - blend) * backward
    return result


def _repeat(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Fill gaps with the earlier segment whose beginning resembles most what comes before the gap (WSOLA-like)."""
    result = samples.copy()
    match, reach, edge = (max(1, round(s * sample_rate)) for s in (_MATCH_S, _REACH_S, _EDGE_S))
    for begin, end in _gaps(samples, sample_rate, parameters, rng):
        past = result[max(0, begin - reach - match) : begin].mean(axis=1)
        pattern = past[-match:]
        earliest = len(past) - len(pattern)  # bound for places before the pattern
        places = np.lib.stride_tricks.sliding_window_view(past, len(pattern))[: max(1, earliest)]
        norms = np.sqrt(np.sum(places**2, axis=1)) + 1e-9
        start = int(np.argmax(places @ pattern / norms)) + len(pattern)
        source = result[max(0, begin - reach - match) : begin][start:]
        source = source if len(source) else np.zeros((1, samples.shape[1]), np.float32)
        filled = source[np.arange(end - begin + edge) % len(source)]
        result[begin:end] = filled[: end - begin]
        tail = min(edge, len(samples) - end)
        fade = np.linspace(1, 0, tail + 2, dtype=np.float32)[1:-1, None]
        result[end : end + tail] = fade * filled[end - begin :][:tail] + (1 - fade) * samples[end : end + tail]
    return result


def _gaps(
    samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """(begin, end) of the gaps, ascending; a worse severity has longer ones in the same places, and more."""
    seconds = len(samples) / sample_rate
    length = min(max(1, round(parameters["milliseconds"] / 1000 * sample_rate)), len(samples))
    # Drawn for the worst severity; one gap in each of so many equal spans, so that none meet.
    count = max(1, round(seconds * _GAPS_PER_S[-1]))
    span = len(samples) / count
    room = max(0.0, span - _MILLISECONDS[-1] / 1000 * sample_rate)
    middles = (np.arange(count) + 0.5) * span + (rng.random(count) - 0.5) * room
    chosen = np.sort(rng.permutation(count)[: max(1, round(seconds * parameters["per_second"]))])
    begins = np.clip(np.rint(middles[chosen] - length / 2), 0, len(samples) - length).astype(int)
    return [(int(begin), int(begin) + length) for begin in begins]


def _predicted(known: Samples, frames: int) -> np.ndarray:
    """`frames` samples that continue `known` (frames,) by the autocorrelation method, which is stable."""
    order = min(_ORDER, len(known) // 2)
    power = float(np.dot(known, known))
    if not order or not power > np.finfo(np.float32).tiny:
        return np.zeros(frames)
    signal = known.astype(np.float64) / np.sqrt(power)
    windowed = signal * np.hanning(len(signal) + 2)[1:-1]
    size = 1 << (2 * len(signal) - 1).bit_length()
    correlation = np.fft.irfft(np.abs(np.fft.rfft(windowed, size)) ** 2)[: order + 1]
    correlation[0] = correlation[0] * (1 + 1e-9) + 1e-12
    predictor = np.concatenate([[1.0], -solve_toeplitz(correlation[:-1], correlation[1:])])
    state = lfiltic([1.0], predictor, signal[::-1][:order])
    extrapolated = lfilter([1.0], predictor, np.zeros(frames), zi=state)[0]
    return np.asarray(np.sqrt(power) * np.nan_to_num(np.clip(extrapolated, -1, 1)))


GAP_EXTRAPOLATION = Distortion(
    "gap-extrapolation", _extrapolate, by_severity(per_second=_GAPS_PER_S, milliseconds=_MILLISECONDS)
)
GAP_REPETITION = Distortion("gap-repetition", _repeat, by_severity(per_second=_GAPS_PER_S, milliseconds=_MILLISECONDS))
