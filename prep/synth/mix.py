"""Mix parts to a stereo track: position, room, tone colour, loudness."""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve, lfilter

from prep.synth.tone import SAMPLE_RATE, Rng, Signal

PEAK = 0.95


def add(track: Signal, sound: Signal, start_s: float, pan: float, gain: float) -> None:
    """Add a mono sound to the (frames, 2) track, in place; pan -1 is left, 1 right, at constant power."""
    begin = round(start_s * SAMPLE_RATE)
    sound = sound[: max(0, len(track) - begin)]
    angle = (pan + 1) * np.pi / 4
    track[begin : begin + len(sound), 0] += gain * np.cos(angle) * sound
    track[begin : begin + len(sound), 1] += gain * np.sin(angle) * sound


def placed(sound: Signal, width: float, rng: Rng) -> Signal:
    """Narrow and shift a stereo sound, (frames, 2), at random; `width`, 0..1, sets the strength."""
    middle = sound.mean(axis=1, keepdims=True)
    angle = (width * rng.uniform(-0.8, 0.8) + 1) * np.pi / 4
    gains = np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)])
    return np.asarray(gains * (middle + width * (sound - middle)))


def room(track: Signal, decay_s: float, share: float, rng: Rng) -> Signal:
    """Add decorrelated reverberation: exponentially decaying noise, duller with time, after a short gap."""
    frames = round(1.5 * decay_s * SAMPLE_RATE)
    time = np.arange(frames) / SAMPLE_RATE
    response = rng.standard_normal((frames, 2)) * np.exp(-time / (decay_s / 3))[:, None]
    response = lfilter([0.5], [1, -0.5], response, axis=0)
    response[: rng.integers(200, 1200)] = 0
    response /= np.sqrt((response**2).sum(axis=0))
    wet = fftconvolve(track, response, axes=0)[: len(track)]
    return np.asarray(track + share * wet)


def air(track: Signal, level_db: float, rng: Rng) -> Signal:
    """Add pink-like noise, different in both channels, like that of rooms, tapes and microphones."""
    noise = rng.standard_normal(track.shape)
    pink = lfilter([0.05, -0.048], [1, -0.985], noise, axis=0) + 0.02 * noise
    return np.asarray(track + 10 ** (level_db / 20) * pink / pink.std())


def master(track: Signal, loudness_dbfs: float, drive: float) -> Signal:
    """Apply soft saturation and level, with a peak of at most 0.95."""
    track = track / (np.sqrt(np.mean(track**2)) + 1e-12) * 10 ** (loudness_dbfs / 20)
    if drive > 0:
        track = np.tanh(track * (1 + drive)) / (1 + drive)
    track = track - track.mean(axis=0)
    return np.asarray(track * min(1.0, PEAK / (np.abs(track).max() + 1e-12)))
