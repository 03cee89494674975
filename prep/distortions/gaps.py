"""Gaps: drop-outs as from a bad carrier, and lost packets with simple concealment."""

from __future__ import annotations

import numpy as np

from deepaq.audio import Samples
from prep.distortions.distortion import Distortion, Parameters, by_severity

_EDGE_S = 0.0005
_PACKET_S = 0.02
_BURST = 2.0  # mean number of consecutive lost packets (Gilbert model)
_FADE = 0.6  # gain of each further repetition of the last good packet


def _dropouts(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Mute segments at random places, with edges of half a millisecond."""
    seconds = len(samples) / sample_rate
    length = min(round(parameters["milliseconds"] / 1000 * sample_rate), len(samples))
    edge = max(1, round(_EDGE_S * sample_rate))
    ramp = np.minimum(np.arange(length), np.arange(length)[::-1]).clip(max=edge) / edge
    gain = np.ones(len(samples), np.float32)
    # Drawn for the highest severity, so that higher severities keep the places of lower ones.
    starts = rng.random(max(1, round(seconds * _DROPOUTS_PER_S[-1])))
    for start in starts[: max(1, round(seconds * parameters["per_second"]))]:
        begin = int(start * (len(samples) - length + 1))
        gain[begin : begin + length] = np.minimum(gain[begin : begin + length], 1 - ramp)
    return samples * gain[:, None]


def _packet_loss(samples: Samples, sample_rate: int, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Lose packets of 20 ms in bursts; the last good one is repeated, fading, with blended edges."""
    size = round(_PACKET_S * sample_rate)
    blend = np.linspace(0, 1, max(2, size // 8), dtype=np.float32)[:, None]
    result = samples.copy()
    lost = _lost(len(samples) // size, parameters["share"], rng)
    for packet in map(int, np.flatnonzero(lost)):
        start = packet * size
        filled = result[start - size : start] * np.float32(_FADE if lost[packet - 1] else 1.0)
        end = min(start + size + len(blend), len(samples))
        result[start : start + size] = filled
        # The filling extends briefly into the next packet, to avoid a click.
        tail = end - start - size
        result[start + size : end] = filled[:tail] * (1 - blend[:tail]) + samples[start + size : end] * blend[:tail]
    return result


def _lost(packets: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Flags of lost packets, never the first: a Gilbert chain with that share of losses, at least one."""
    draws = rng.random(packets)
    leave = 1 / _BURST
    enter = leave * share / (1 - share)
    lost = np.zeros(packets, bool)
    for index in range(1, packets):
        lost[index] = draws[index] < (1 - leave if lost[index - 1] else enter)
    if packets > 1 and not lost.any():
        lost[1 + int(np.argmin(draws[1:]))] = True
    return lost


_DROPOUTS_PER_S = (0.3, 0.7, 1.5, 3.0, 5.0)
DROPOUTS = Distortion("dropouts", _dropouts, by_severity(per_second=_DROPOUTS_PER_S, milliseconds=(5, 15, 30, 60, 120)))
PACKET_LOSS = Distortion("packet-loss", _packet_loss, by_severity(share=(0.01, 0.04, 0.1, 0.2, 0.4)))
