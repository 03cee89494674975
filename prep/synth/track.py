"""Compose whole tracks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from joblib import Parallel, delayed

from deepaq.audio import Samples
from deepaq.errors import UserError
from deepaq.files import committed
from prep.coding.lossless import file_bytes
from prep.synth import composition, mix, sampled
from prep.synth.drum import DRUMS
from prep.synth.speech import recite
from prep.synth.tone import SAMPLE_RATE, Rng, Signal, draw

TRACK_S = 30.0
_TEXTURES = ("solo", "duo", "ensemble", "ensemble", "band", "band", "percussion", "pad", "dense")


def compose(seed: int, seconds: float, number: int = 0, font: Path | None = None) -> Samples:
    """Compose track `number` of the collection `seed`: float32 (frames, 2) at 44.1 kHz, peak at most 0.95.

    font: sound font (.sf2) whose instruments play it instead of computed ones.
    """
    if not 1 <= seconds <= 3600:
        raise UserError(f"a track of {seconds:g} s: use 1 to 3600 seconds")
    rng = np.random.default_rng([seed, number])
    style = composition.draw_style(rng)
    texture = _TEXTURES[(number + rng.integers(2)) % len(_TEXTURES)]
    track = np.zeros((round(seconds * SAMPLE_RATE), 2))
    width = rng.uniform(0, 1)
    for line, octave_gain in _parts(texture, rng):
        _play(track, line(style, seconds, rng), width, octave_gain, rng, font)
    if texture in ("band", "percussion", "dense"):
        _drum(track, style, seconds, width, rng, font)
    track = mix.air(track, 20 * np.log10(np.abs(track).max() + 1e-3) + rng.uniform(-75, -45), rng)
    if rng.uniform() < 0.8:
        track = mix.room(track, rng.uniform(0.3, 2.5), rng.uniform(0.05, 0.5), rng)
    finished = mix.master(_swell(track, rng), rng.uniform(-26, -14), float(rng.choice([0, 0, rng.uniform(0, 1)])))
    return finished.astype(np.float32)


Line = Callable[[composition.Style, float, Rng], list[composition.Note]]


def _parts(texture: str, rng: Rng) -> list[tuple[Line, float]]:
    """Draw the lines of a texture, with their gains."""
    lines: dict[str, list[tuple[Line, float]]] = {
        "solo": [(composition.melody, 1.0)],
        "duo": [(composition.melody, 1.0), (composition.chords, 0.4)],
        "ensemble": [
            (composition.melody, 1.0),
            (composition.melody, 0.7),
            (composition.chords, 0.35),
            (composition.bass, 0.7),
        ],
        "band": [(composition.melody, 0.8), (composition.chords, 0.35), (composition.bass, 0.9)],
        "percussion": [],
        "pad": [(composition.chords, 0.5), (composition.chords, 0.4)],
        "dense": [
            (composition.melody, 0.8),
            (composition.melody, 0.6),
            (composition.chords, 0.4),
            (composition.chords, 0.3),
            (composition.bass, 0.9),
        ],
    }
    return [(line, gain * rng.uniform(0.6, 1.4)) for line, gain in lines[texture]]


def _play(track: Signal, notes: list[composition.Note], width: float, gain: float, rng: Rng, font: Path | None) -> None:
    if font:
        track += gain * mix.placed(sampled.line(font, notes, len(track) / SAMPLE_RATE, rng), width, rng)
        return
    _, instrument, timbre = draw(rng)
    pan = width * rng.uniform(-0.8, 0.8)
    for note in notes:
        seconds = max(0.06, note.seconds)
        sound = instrument(note.pitch_hz, seconds, timbre, rng)
        mix.add(track, sound, note.start_s, np.clip(pan + 0.2 * width * rng.standard_normal(), -1, 1),
                gain * note.strength)  # fmt: skip


def _drum(track: Signal, style: composition.Style, seconds: float, width: float, rng: Rng, font: Path | None) -> None:
    names = [str(name) for name in rng.permutation(list(DRUMS))[: rng.integers(3, 7)]]
    if font:
        hits = composition.groove(style, seconds, names, rng)
        track += rng.uniform(0.5, 1.5) * sampled.drums(font, hits, seconds, rng)
        return
    strokes = {name: [DRUMS[name](rng) for _ in range(4)] for name in names}  # vary strokes a little
    pans = {name: width * rng.uniform(-0.7, 0.7) for name in names}
    level = rng.uniform(0.5, 1.5)
    for name, start, strength in composition.groove(style, seconds, names, rng):
        mix.add(track, strokes[name][rng.integers(4)], start, pans[name], level * strength)


def _swell(track: Signal, rng: Rng) -> Signal:
    """Apply slow changes of loudness, up to 12 dB."""
    points = rng.uniform(-rng.uniform(0, 12), 0, max(2, len(track) // (4 * SAMPLE_RATE)))
    curve = np.interp(np.linspace(0, 1, len(track)), np.linspace(0, 1, len(points)), points)
    return np.asarray(track * 10 ** (curve / 20)[:, None])


def write_tracks(
    out: Path,
    minutes: float,
    seed: int,
    jobs: int = 1,
    track_s: float = TRACK_S,
    font: Path | None = None,
    speech: bool = False,
) -> list[Path]:
    """Fill `out` with tracks of `track_s` (the last may be shorter) that make up `minutes`; finished ones are kept.

    font: instruments for music (.sf2). speech: speech-like sound instead of music.
    """
    if speech and font:
        raise UserError("--speech uses no --soundfont; leave one of them out")
    if not 0.05 <= minutes <= 10_000:
        raise UserError(f"--minutes {minutes:g}: use 0.05 to 10000")
    if seed < 0:
        raise UserError(f"--seed {seed}: a seed must not be negative")
    if not 2 <= track_s <= 3600:
        raise UserError(f"--track {track_s:g}: use 2 to 3600 seconds")
    whole, rest = divmod(60 * minutes, track_s)
    lengths = [track_s] * int(whole) + ([rest] if rest >= 2 else [])
    out.mkdir(parents=True, exist_ok=True)
    kind = "speech" if speech else "sampled" if font else "synth"
    paths = [out / f"{kind}-{seed:03d}-{number:04d}.flac" for number in range(len(lengths))]
    work = [
        (path, seed, length, number, font, speech)
        for number, (path, length) in enumerate(zip(paths, lengths, strict=True))
    ]
    missing = [item for item in work if not item[0].exists() or _seconds(item[0]) != round(item[2], 3)]
    Parallel(n_jobs=jobs)(delayed(_write)(*item) for item in missing)
    return paths


def _seconds(path: Path) -> float:
    return round(float(soundfile.info(path).duration), 3)


def _write(path: Path, seed: int, seconds: float, number: int, font: Path | None, speech: bool) -> None:
    samples = recite(seed, seconds, number) if speech else compose(seed, seconds, number, font)
    with committed(path) as partial:
        partial.write_bytes(file_bytes(samples, SAMPLE_RATE, "FLAC", "PCM_16"))
