"""Pitched instruments: mono samples of single notes.

Harmonic sounds are read from single-cycle wavetables whose harmonics end at 20 kHz. The table is split into bands of
harmonics that rise and decay at their own pace, which distinguishes plucked from bowed sounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 44_100
Signal = npt.NDArray[np.float64]
Rng = np.random.Generator
_TABLE = 4096
_TOP_HZ = 20_000.0


@dataclass(frozen=True)
class Timbre:
    """Parameters of an instrument.

    tilt: dB per octave by which harmonics fall. odd: 0 keeps all harmonics, 1 only the odd ones. decay_s: time in which
    the fundamental falls to 1/e. damping: additional decay of high harmonics. attack_s: rise time. noise: share of
    breath, bow or pick noise. vibrato: depth in semitones.
    """

    tilt: float
    odd: float
    decay_s: float
    damping: float
    attack_s: float
    noise: float
    vibrato: float


def harmonic(pitch_hz: float, seconds: float, timbre: Timbre, rng: Rng) -> Signal:
    """Play a note of a plucked, bowed or blown instrument: (frames,), peak about 1."""
    frames = round(seconds * SAMPLE_RATE)
    time = np.arange(frames) / SAMPLE_RATE
    harmonics = np.arange(1, max(2, int(_TOP_HZ / pitch_hz) + 1))
    strength = 10 ** (-timbre.tilt * np.log2(harmonics) / 20) * rng.uniform(0.5, 1, len(harmonics))
    strength[1::2] *= 1 - timbre.odd
    phase = _phase(pitch_hz, time, timbre.vibrato, rng)
    # Octave bands of harmonics: 1, 2-3, 4-7, ...
    octave = np.floor(np.log2(harmonics)).astype(int)
    sound = np.zeros(frames)
    rise = 1 - np.exp(-time / max(timbre.attack_s, 1e-4))
    for band in range(octave.max() + 1):
        chosen = octave == band
        table = _wavetable(harmonics[chosen], strength[chosen], rng)
        sound += _read(table, phase) * np.exp(-time / timbre.decay_s * (1 + timbre.damping * band))
    hiss = rng.standard_normal(frames)
    hiss[1:] -= 0.6 * hiss[:-1]
    burst = np.exp(-time / (0.02 + 0.3 * timbre.attack_s)) + 0.15 * (timbre.decay_s > 1)
    sound = sound / (np.abs(sound).max() + 1e-9) + timbre.noise * burst * hiss * 0.2
    return sound * rise * _release(frames)


def modal(pitch_hz: float, seconds: float, timbre: Timbre, rng: Rng) -> Signal:
    """Play a note of a struck bar, bell or string: inharmonic modes, shorter for higher modes."""
    frames = round(seconds * SAMPLE_RATE)
    time = np.arange(frames) / SAMPLE_RATE
    stretch = rng.uniform(1.0, 2.3)  # 1: close to a string, 2 and more: a bar or bell
    orders = np.arange(1, 13)
    pitches = pitch_hz * orders**stretch * (1 + 0.003 * rng.standard_normal(len(orders)))
    sound = np.zeros(frames)
    for order, pitch in zip(orders, pitches, strict=True):
        if pitch > _TOP_HZ:
            break
        level = 10 ** (-timbre.tilt * np.log2(order) / 20) * rng.uniform(0.4, 1)
        decay = timbre.decay_s / (1 + 0.3 * timbre.damping * (order - 1))
        sound += level * np.exp(-time / decay) * np.sin(2 * np.pi * pitch * time + rng.uniform(0, 2 * np.pi))
    click = rng.standard_normal(frames) * np.exp(-time / 0.0015)
    return (sound / (np.abs(sound).max() + 1e-9) + timbre.noise * click) * _release(frames)


def fm(pitch_hz: float, seconds: float, timbre: Timbre, rng: Rng) -> Signal:
    """Play a note by frequency modulation: electric pianos, brass, metallic sounds."""
    frames = round(seconds * SAMPLE_RATE)
    time = np.arange(frames) / SAMPLE_RATE
    ratio = rng.choice([0.5, 1.0, 1.0, 2.0, 3.0, 1.41, 3.5, 7.0])
    highest = max(0.0, (_TOP_HZ / pitch_hz - 1) / ratio - 1)
    index = min(rng.uniform(1, 8), highest) * np.exp(-time / timbre.decay_s * timbre.damping)
    phase = 2 * np.pi * _phase(pitch_hz, time, timbre.vibrato, rng)
    sound = np.sin(phase + index * np.sin(ratio * phase)) * np.exp(-time / timbre.decay_s)
    return sound * (1 - np.exp(-time / max(timbre.attack_s, 1e-3))) * _release(frames)


def vocal(pitch_hz: float, seconds: float, timbre: Timbre, rng: Rng) -> Signal:
    """Sing a vowel that glides to another: a glottal tone through four formants, with breath."""
    from scipy.signal import lfilter

    sound = harmonic(pitch_hz, seconds, Timbre(9, 0, 20, 0, 0.06, 0.25, 0.4), rng)
    vowels = rng.permutation(len(_VOWELS))[:2]
    glide = np.linspace(0, 1, len(sound))
    voiced = np.zeros(len(sound))
    for weight, vowel in zip((1 - glide, glide), vowels, strict=True):
        filtered = 0.15 * sound
        for formant, width, gain in zip(_VOWELS[vowel], (80, 90, 120, 150), (1, 0.6, 0.35, 0.2), strict=True):
            radius = np.exp(-np.pi * width / SAMPLE_RATE)
            poles = [1, -2 * radius * np.cos(2 * np.pi * formant / SAMPLE_RATE), radius**2]
            filtered = filtered + gain * lfilter([1 - radius], poles, sound)
        voiced += weight * filtered
    return voiced / (np.abs(voiced).max() + 1e-9)


_VOWELS = ((730, 1090, 2440, 3400), (270, 2290, 3010, 3600), (300, 870, 2240, 3300), (530, 1840, 2480, 3500))

Instrument = Callable[[float, float, Timbre, Rng], Signal]


def draw(rng: Rng) -> tuple[str, Instrument, Timbre]:
    """Draw an instrument: family name, function and timbre."""
    family = str(rng.choice(["plucked", "struck", "bowed", "blown", "fm", "vocal", "organ", "synth"]))
    u = rng.uniform
    timbres = {
        "plucked": (harmonic, Timbre(u(2, 7), u(0, 0.6), u(0.2, 1.6), u(0.5, 2), 0.001, u(0.2, 1), 0)),
        "struck": (modal, Timbre(u(0, 8), 0, u(0.2, 3), u(0.5, 3), 0.001, u(0.1, 0.8), 0)),
        "bowed": (harmonic, Timbre(u(4, 9), 0, 8, 0.02, u(0.03, 0.15), u(0.1, 0.5), u(0.1, 0.35))),
        "blown": (harmonic, Timbre(u(5, 12), u(0, 0.95), 9, 0.05, u(0.02, 0.08), u(0.2, 1), u(0, 0.2))),
        "fm": (fm, Timbre(0, 0, u(0.3, 3), u(0.3, 3), u(0.001, 0.05), 0, u(0, 0.1))),
        "vocal": (vocal, Timbre(0, 0, 0, 0, 0, 0, 0)),
        "organ": (harmonic, Timbre(u(2, 8), u(0, 0.9), 30, 0, 0.01, u(0, 0.1), u(0, 0.05))),
        "synth": (harmonic, Timbre(u(3, 7), u(0, 1), u(0.5, 6), u(0, 1), u(0.002, 0.02), u(0, 0.1), u(0, 0.1))),
    }
    instrument, timbre = timbres[family]
    return family, instrument, timbre


def _phase(pitch_hz: float, time: Signal, vibrato: float, rng: Rng) -> Signal:
    """Cycles since the start, with vibrato that sets in after a quarter of a second."""
    if not vibrato:
        return pitch_hz * time
    rate = rng.uniform(4.5, 6.5)
    depth = pitch_hz * (2 ** (vibrato / 12) - 1) * np.clip(time / 0.25, 0, 1)
    return pitch_hz * time + depth / (2 * np.pi * rate) * np.sin(2 * np.pi * rate * time)


def _wavetable(harmonics: npt.NDArray[np.int64], strength: Signal, rng: Rng) -> Signal:
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    spectrum[harmonics] = strength * np.exp(2j * np.pi * rng.uniform(size=len(harmonics)))
    table = np.fft.irfft(spectrum, _TABLE) * _TABLE / 2
    return np.append(table, table[0])


def _read(table: Signal, phase: Signal) -> Signal:
    place = (phase % 1) * _TABLE
    index = place.astype(np.int64)
    fraction = place - index
    return table[index] * (1 - fraction) + table[index + 1] * fraction


def _release(frames: int) -> Signal:
    """Envelope of ones with a fade of at most 30 ms at the end, so that notes do not click."""
    envelope = np.ones(frames)
    fade = min(frames, SAMPLE_RATE * 30 // 1000)
    envelope[frames - fade :] = np.linspace(1, 0, fade)
    return envelope
