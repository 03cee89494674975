"""Speech-like sound: one speaker's sentences of syllables, by a source and a filter as in formant synthesis.

It says nothing, but has the features of speech that matter to codecs and metrics: voiced and unvoiced sounds, moving
formants, plosives, intonation, the rhythm of syllables, and pauses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, lfilter, sosfilt

from deepaq.audio import Samples
from prep.synth import mix
from prep.synth.tone import SAMPLE_RATE, Rng, Signal

# First four formants in Hz of vowels, after Peterson and Barney 1952.
_VOWELS = (
    (730, 1090, 2440, 3400), (270, 2290, 3010, 3600), (300, 870, 2240, 3300), (530, 1840, 2480, 3500),
    (570, 840, 2410, 3300), (660, 1720, 2410, 3500), (440, 1020, 2240, 3300), (490, 1350, 1690, 3300),
)  # fmt: skip
_WIDTHS_HZ = (80, 100, 130, 180)
_HUM_HZ = (250, 1100, 2200, 3300)  # formants of nasals
_FRICATIVES = ((4500, 17_000), (2200, 9000), (1200, 15_000), (6000, 20_000))  # bands in Hz
_BLOCK, _GLIDE = SAMPLE_RATE // 200, SAMPLE_RATE // 50  # samples: of 5 ms and 20 ms


@dataclass(frozen=True)
class Speaker:
    """pitch_hz: mean. tract: factor on formants, above 1 for short vocal tracts. rate: syllables a second.

    breath: share of aspiration noise. range: of the intonation, in semitones.
    """

    pitch_hz: float
    tract: float
    rate: float
    breath: float
    range: float


@dataclass
class _Tracks:
    """Sample by sample: loudness of the glottal source, its pitch in Hz, formants (4, frames) in Hz, other noise."""

    voicing: Signal
    pitch: Signal
    formants: npt.NDArray[np.float64]
    noise: Signal


def draw_speaker(rng: Rng) -> Speaker:
    """A speaker at random: 85 to 255 Hz, 3.5 to 6 syllables a second."""
    pitch = float(85 * 3 ** rng.uniform())
    tract = float(np.interp(pitch, (85, 255), (0.92, 1.18)) * rng.uniform(0.95, 1.05))
    return Speaker(pitch, tract, rng.uniform(3.5, 6), rng.uniform(0.02, 0.12), rng.uniform(3, 8))


def recite(seed: int, seconds: float, number: int = 0) -> Samples:
    """Speech-like track `number` of the collection `seed`: float32 (frames, 2) at 44.1 kHz, peak at most 0.95.

    One speaker near the middle, in a room, with the noise of a microphone.
    """
    rng = np.random.default_rng([seed, number, 1])
    track = np.zeros((round(seconds * SAMPLE_RATE), 2))
    mix.add(track, speak(seconds, draw_speaker(rng), rng), 0.0, rng.uniform(-0.15, 0.15), 1.0)
    track = mix.air(track, 20 * np.log10(np.abs(track).max() + 1e-3) + rng.uniform(-75, -55), rng)
    track = mix.room(track, rng.uniform(0.15, 0.6), rng.uniform(0.02, 0.2), rng)
    return mix.master(track, rng.uniform(-28, -20), 0.0).astype(np.float32)


def speak(seconds: float, speaker: Speaker, rng: Rng) -> Signal:
    """Sentences with pauses that fill `seconds`: mono (frames,), peak 1."""
    frames = round(seconds * SAMPLE_RATE)
    tracks = _Tracks(np.zeros(frames), np.full(frames, speaker.pitch_hz), np.zeros((4, frames)), np.zeros(frames))
    tracks.formants[:] = np.array(_VOWELS[7])[:, None] * speaker.tract
    for begin, length, place in _syllables(seconds, speaker, rng):
        _say(tracks, round(begin * SAMPLE_RATE), round(length * SAMPLE_RATE), place, speaker, rng)
    for track in (tracks.voicing, tracks.pitch, *tracks.formants):  # the articulators move smoothly
        for _ in range(2):
            track[:] = uniform_filter1d(track, _GLIDE, mode="nearest")
    voice = _filtered(_source(tracks, speaker, rng), tracks.formants)
    voice = voice / (np.abs(voice).max() + 1e-9)
    sound = voice + 0.35 * tracks.noise / (np.abs(tracks.noise).max() + 1e-9)
    return np.asarray(sound / (np.abs(sound).max() + 1e-9))


def _syllables(seconds: float, speaker: Speaker, rng: Rng) -> Iterator[tuple[float, float, float]]:
    """(start in s, length in s, place in the sentence 0..1) of every syllable."""
    start = rng.uniform(0.05, 0.3)
    while start < seconds:
        count = int(rng.integers(5, 16))
        for number in range(count):
            length = rng.uniform(0.7, 1.3) / speaker.rate * (1.5 if number == count - 1 else 1)
            if start + length > seconds:
                return
            yield start, length, number / count
            start += length
        start += rng.uniform(0.2, 0.8)


def _say(tracks: _Tracks, begin: int, length: int, place: float, speaker: Speaker, rng: Rng) -> None:
    """Write one syllable, a consonant and a vowel, into the tracks."""
    end = min(begin + length, len(tracks.voicing))
    onset = begin + round((end - begin) * rng.uniform(0.2, 0.4))
    accent = rng.uniform() < 0.3
    semitones = speaker.range * (0.5 - place) * 0.7 + (speaker.range * 0.4 if accent else 0)
    tracks.pitch[begin:end] = speaker.pitch_hz * 2 ** (semitones / 12)
    tracks.voicing[onset:end] = rng.uniform(0.6, 0.9) + 0.3 * accent
    tracks.formants[:, begin:end] = np.array(_VOWELS[rng.integers(len(_VOWELS))])[:, None] * speaker.tract
    kind = str(rng.choice(["fricative", "plosive", "nasal", "none"], p=[0.35, 0.35, 0.2, 0.1]))
    if kind == "nasal":
        tracks.voicing[begin:onset] = 0.35
        tracks.formants[:, begin:onset] = np.array(_HUM_HZ)[:, None] * speaker.tract
    elif kind == "fricative":
        low, high = _FRICATIVES[rng.integers(len(_FRICATIVES))]
        shape = np.hanning(onset - begin + 2)[1:-1] ** 0.5
        tracks.noise[begin:onset] += rng.uniform(0.4, 1) * shape * _band(rng, onset - begin, low, high)
        tracks.voicing[begin:onset] = rng.choice([0.0, 0.2])  # voiceless or voiced
    elif kind == "plosive":  # a closure, then a burst
        burst = min(round(0.03 * SAMPLE_RATE), onset - begin)
        decay = np.exp(-np.arange(burst) / (0.006 * SAMPLE_RATE))
        noise = _band(rng, burst, rng.uniform(300, 3000), 15_000)
        tracks.noise[onset - burst : onset] += rng.uniform(0.5, 1.2) * decay * noise
    else:
        tracks.voicing[begin:onset] = tracks.voicing[onset - 1]


def _source(tracks: _Tracks, speaker: Speaker, rng: Rng) -> Signal:
    """Glottal flow derivative: a pulse per period with jitter and shimmer, and breath in its open phase."""
    frames = len(tracks.pitch)
    steps = np.arange(0, frames + _BLOCK, _BLOCK)
    wander = np.interp(np.arange(frames), steps, rng.standard_normal(len(steps)))
    phase = np.cumsum(tracks.pitch * (1 + 0.01 * wander)) / SAMPLE_RATE
    within = phase % 1
    # The flow rises over 60 % of the period and falls quickly: Rosenberg's pulse.
    flow = np.where(within < 0.6, 0.5 - 0.5 * np.cos(np.pi * within / 0.6), np.cos(np.pi / 2 * (within - 0.6) / 0.1))
    flow = np.where(within < 0.7, flow, 0.0)
    pulses = np.diff(flow, prepend=flow[0]) * SAMPLE_RATE / tracks.pitch / 20
    breath = speaker.breath * rng.standard_normal(frames) * (0.3 + flow)
    return np.asarray(tracks.voicing * (pulses + breath))


def _filtered(source: Signal, formants: npt.NDArray[np.float64]) -> Signal:
    """Pass the source through four moving resonances in parallel, in blocks of 5 ms, and a little of it directly."""
    result = 0.05 * source
    for formant, width, gain in zip(formants, _WIDTHS_HZ, (1, 1.5, 2.5, 2.5), strict=True):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        state = np.zeros(2)
        for begin in range(0, len(source), _BLOCK):
            poles = [1, -2 * radius * np.cos(2 * np.pi * formant[begin] / SAMPLE_RATE), radius**2]
            made, state = lfilter([1 - radius], poles, source[begin : begin + _BLOCK], zi=state)
            result[begin : begin + _BLOCK] += gain * made
    return result


def _band(rng: Rng, frames: int, low_hz: float, high_hz: float) -> Signal:
    sections = butter(2, [low_hz, high_hz], "band", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfilt(sections, rng.standard_normal(frames)))
