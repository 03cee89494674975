"""Sampled instruments: stereo samples of notes, from a sound font with General MIDI programs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from deepaq.errors import UserError
from prep.synth.composition import Note
from prep.synth.tone import SAMPLE_RATE, Rng, Signal

PROGRAMS = 120  # the last ones of 128 are sound effects
_FLUSH = 4096  # frames
_DRUM_KEYS = {"kick": 36, "snare": 38, "hat": 42, "cymbal": 51, "clap": 39, "castanet": 85, "tom": 47}
_KITS = (0, 8, 16, 24, 25, 32, 40)


def line(font: Path, notes: list[Note], seconds: float, rng: Rng) -> Signal:
    """Play a part on one instrument, drawn at random: (frames, 2)."""
    events = [
        (when, round(69 + 12 * np.log2(note.pitch_hz / 440)), velocity)
        for note in notes
        for when, velocity in ((note.start_s, note.strength), (note.start_s + note.seconds, 0.0))
    ]
    return _render(font, False, int(rng.integers(PROGRAMS)), events, seconds)


def drums(font: Path, hits: list[tuple[str, float, float]], seconds: float, rng: Rng) -> Signal:
    """Play strokes, (drum, start in seconds, strength), on a kit drawn at random: (frames, 2)."""
    events = [(start, _DRUM_KEYS[name], strength) for name, start, strength in hits]
    return _render(font, True, int(rng.choice(_KITS)), events, seconds)


def _render(font: Path, drums: bool, preset: int, events: list[tuple[float, int, float]], seconds: float) -> Signal:
    """Render events: (second, MIDI key, strength 0..1; 0 ends the note)."""
    synth, number = _loaded(font)
    synth.sounds_off()
    synth.generate(_FLUSH)  # end the sounds of the previous part
    try:
        synth.program_select(0, number, 0, preset, drums)
    except RuntimeError:  # the font lacks it
        synth.program_select(0, number, 0, 0, drums)
    blocks, place, total = [np.zeros((0, 2), np.float32)], 0, round(seconds * SAMPLE_RATE)
    for when, key, strength in [*sorted(events), (seconds, 0, 0.0)]:
        until = min(total, round(when * SAMPLE_RATE))
        if until > place:
            blocks.append(np.frombuffer(synth.generate(until - place), np.float32).reshape(-1, 2))
            place = until
        if strength > 0:
            synth.noteon(0, key, round(1 + 126 * min(1.0, strength)))
        else:
            synth.noteoff(0, key)
    return np.concatenate(blocks).astype(np.float64)


@lru_cache(1)
def _loaded(font: Path) -> tuple[Any, int]:
    """Load a synthesiser once per process."""
    try:
        import tinysoundfont
    except ImportError:
        raise UserError("--soundfont needs the package tinysoundfont; pip install --no-deps tinysoundfont") from None
    if not font.is_file():
        raise UserError(f"--soundfont {font}: no such file")
    synth = tinysoundfont.Synth(samplerate=SAMPLE_RATE)
    try:
        return synth, synth.sfload(str(font))
    except Exception:  # the library raises a bare Exception
        raise UserError(f"--soundfont {font}: is not a sound font (.sf2)") from None
