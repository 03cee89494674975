"""Drums and other percussion: mono samples of single strokes."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from prep.synth.tone import SAMPLE_RATE, Rng, Signal


def kick(rng: Rng) -> Signal:
    time = _time(0.35)
    drop = rng.uniform(35, 60) + rng.uniform(80, 250) * np.exp(-time / 0.03)
    body = np.sin(2 * np.pi * np.cumsum(drop) / SAMPLE_RATE) * np.exp(-time / rng.uniform(0.06, 0.15))
    return body + 0.3 * _noise(rng, time) * np.exp(-time / 0.003)


def snare(rng: Rng) -> Signal:
    time = _time(0.3)
    body = np.sin(2 * np.pi * rng.uniform(160, 260) * time) * np.exp(-time / 0.05)
    wires = _band(_noise(rng, time), rng.uniform(800, 2500), 19_000) * np.exp(-time / rng.uniform(0.04, 0.12))
    return 0.6 * body + wires


def hat(rng: Rng) -> Signal:
    length = rng.choice([0.02, 0.05, 0.25])
    time = _time(4 * length)
    metal = sum(np.sign(np.sin(2 * np.pi * f * time)) for f in rng.uniform(3000, 9000, 5)) / 5
    return _band(_noise(rng, time) + metal, 6000, 20_000) * np.exp(-time / length)


def cymbal(rng: Rng) -> Signal:
    time = _time(1.6)
    return _band(_noise(rng, time), rng.uniform(2000, 5000), 20_500) * np.exp(-time / rng.uniform(0.3, 0.6))


def clap(rng: Rng) -> Signal:
    time = _time(0.25)
    bursts = sum(np.where(time >= t, np.exp(-(time - t) / 0.006), 0) for t in (0, 0.011, 0.023))
    return _band(_noise(rng, time), 900, 12_000) * (bursts + 0.4 * np.exp(-time / 0.07))


def castanet(rng: Rng) -> Signal:
    time = _time(0.08)
    modes = sum(np.sin(2 * np.pi * f * time) for f in rng.uniform(1800, 8000, 4)) / 4
    return (modes + _noise(rng, time) * np.exp(-time / 0.0008)) * np.exp(-time / rng.uniform(0.004, 0.012))


def tom(rng: Rng) -> Signal:
    time = _time(0.5)
    pitch = rng.uniform(70, 220) * (1 + 0.4 * np.exp(-time / 0.04))
    body = np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE) * np.exp(-time / 0.18)
    return body + 0.15 * _noise(rng, time) * np.exp(-time / 0.01)


DRUMS = {"kick": kick, "snare": snare, "hat": hat, "cymbal": cymbal, "clap": clap, "castanet": castanet, "tom": tom}


def _time(seconds: float) -> Signal:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _noise(rng: Rng, time: Signal) -> Signal:
    return rng.standard_normal(len(time)) / 2


def _band(sound: Signal, low_hz: float, high_hz: float) -> Signal:
    sections = butter(2, [low_hz, min(high_hz, 0.49 * SAMPLE_RATE)], "band", fs=SAMPLE_RATE, output="sos")
    filtered: Signal = sosfilt(sections, sound)
    return filtered
