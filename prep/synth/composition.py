"""Composition: key, tempo, chords, melody and rhythm as notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prep.synth.tone import Rng

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 7, 9), (0, 3, 5, 7, 10))
_PROGRESSIONS = ((0, 4, 5, 3), (0, 5, 3, 4), (1, 4, 0, 0), (0, 3, 0, 4), (0, 6, 5, 4), (0, 2, 3, 4))


@dataclass(frozen=True)
class Note:
    """A note. start_s, seconds: start and length. pitch_hz: fundamental. strength: 0..1."""

    start_s: float
    seconds: float
    pitch_hz: float
    strength: float


@dataclass(frozen=True)
class Style:
    """The frame of a track. beat_s: seconds per beat. metre: beats per bar. tonic: MIDI number."""

    beat_s: float
    metre: int
    tonic: int
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    swing: float

    def pitch_hz(self, degree: int, octave: int = 0) -> float:
        """Frequency of a scale degree, counted from the tonic as 0."""
        up, step = divmod(degree, len(self.scale))
        return float(440 * 2 ** ((self.tonic + self.scale[step] + 12 * (up + octave) - 69) / 12))

    def bars(self, seconds: float) -> Iterator[tuple[float, int]]:
        """Yield (start in seconds, root degree) of every bar."""
        start, count = 0.0, 0
        while start < seconds:
            yield start, self.chords[count % len(self.chords)]
            start, count = start + self.metre * self.beat_s, count + 1


def draw_style(rng: Rng) -> Style:
    """Draw a style: 60 to 170 beats a minute, 3 to 7 beats a bar, any key."""
    return Style(
        beat_s=60 / rng.uniform(60, 170),
        metre=int(rng.choice([3, 4, 4, 4, 5, 6, 7])),
        tonic=int(rng.integers(45, 60)),
        scale=_SCALES[rng.integers(len(_SCALES))],
        chords=_PROGRESSIONS[rng.integers(len(_PROGRESSIONS))],
        swing=float(rng.choice([0, 0, 0, rng.uniform(0.05, 0.2)])),
    )


def melody(style: Style, seconds: float, rng: Rng) -> list[Note]:
    """Compose a line, mostly by step, in notes of a quarter beat to two beats, with rests."""
    notes = []
    degree, start, octave = int(rng.integers(0, 8)), 0.0, int(rng.integers(0, 3))
    choices = ((0.25, 0.5), (0.5, 1.0), (0.5, 1.0, 2.0), (1.0, 2.0), (0.25, 0.25, 0.5, 1.0))
    lengths: list[float] = rng.choice(choices[rng.integers(5)], 512).tolist()
    for length in lengths:
        if start >= seconds:
            break
        if rng.uniform() < 0.87:
            notes.append(Note(start, length * style.beat_s * rng.uniform(0.7, 1.4), style.pitch_hz(degree, octave),
                              rng.uniform(0.3, 1)))  # fmt: skip
        leap = 3 * int(rng.integers(-1, 2)) if rng.uniform() < 0.2 else 0
        degree = min(14, max(-5, degree + int(rng.integers(-2, 3)) + leap))
        start += length * style.beat_s
    return notes


def chords(style: Style, seconds: float, rng: Rng) -> list[Note]:
    """Compose chords of three to five voices, held, broken or repeated."""
    manner = rng.choice(["held", "broken", "repeated"])
    voices = int(rng.integers(3, 6))
    notes = []
    for start, root in style.bars(seconds):
        bar = style.metre * style.beat_s
        for voice in range(voices):
            pitch = style.pitch_hz(root + 2 * voice)
            if manner == "held":
                notes.append(Note(start, bar * 1.05, pitch, 0.6))
            elif manner == "broken":
                step = bar / voices
                notes.append(Note(start + voice * step, bar * 0.6, pitch, rng.uniform(0.4, 0.8)))
            else:
                notes += [Note(start + b * style.beat_s, style.beat_s * 0.8, pitch, 0.5) for b in range(style.metre)]
    return notes


def bass(style: Style, seconds: float, rng: Rng) -> list[Note]:
    """Compose a bass of roots and fifths."""
    busy = rng.uniform() < 0.5
    notes = []
    for start, root in style.bars(seconds):
        for beat in range(style.metre if busy else 1):
            degree = root + (4 if busy and beat % 2 else 0)
            length = style.beat_s * (0.9 if busy else style.metre * 0.95)
            notes.append(Note(start + beat * style.beat_s, length, style.pitch_hz(degree, -1), 0.8))
    return notes


def groove(style: Style, seconds: float, names: list[str], rng: Rng) -> list[tuple[str, float, float]]:
    """Compose (drum, start in seconds, strength): a pattern of half beats per drum, repeated with variations."""
    slots = 2 * style.metre
    density = {"kick": 0.35, "snare": 0.25, "hat": 0.75, "cymbal": 0.06, "clap": 0.2, "castanet": 0.5, "tom": 0.2}
    patterns = {name: rng.uniform(size=slots) < density[name] for name in names}
    hits = []
    for start, _ in style.bars(seconds):
        for name, pattern in patterns.items():
            for slot in range(slots):
                if pattern[slot] != (rng.uniform() < 0.06):
                    late = style.swing * style.beat_s * (slot % 2) + 0.004 * rng.standard_normal()
                    hits.append((name, max(0.0, start + slot * style.beat_s / 2 + late), rng.uniform(0.4, 1)))
    return hits
