"""Known damage, and whether `deepaq.explain` names its kind, its second and its third of the spectrum.

    python -m tests.bench.explain [--seed N] [--clips N] [--music FILE...] [--all]

Damages one second of clips of 10 s: the second in which the damaged part of the spectrum is loudest or, for smeared
transients, has the sharpest attack. Every damage gets the first N clips in which it costs at least .02 MOS and, for
smeared transients, an attack rises by 12 dB within 30 ms. Without --music the clips are computed (prep.synth,
collection --seed). --all prints every explanation that is not right.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import firwin, oaconvolve

import deepaq
from deepaq.audio import Samples, read, resample, to_stereo
from deepaq.explanation.explanation import Explanation
from prep.distortions import distort
from prep.distortions.spectrogram import Spectrogram
from prep.synth import SAMPLE_RATE, compose

RATE = 48_000
CLIP_S = 10
TOP, AUDIBLE_MOS, ATTACK_DB = 4.732, 0.02, 12.0
BANDS = {"lower": (120.0, 700.0), "middle": (1200.0, 3800.0), "upper": (5500.0, 13_000.0)}  # inside the thirds
Rng = np.random.Generator
Change = Callable[[Samples, Rng], np.ndarray]


@dataclass(frozen=True)
class Damage:
    """Damage of one kind. third: damaged third of the spectrum, None for all of it. attack: needs transients.

    change: of the samples, (frames, 2), as a whole; only one second is used. If there is a third, it gets that band.
    """

    kind: str
    third: str | None
    change: Change
    attack: bool = False


def band(samples: np.ndarray, low: float, high: float) -> np.ndarray:
    """The part of samples, (frames, channels) at 48 kHz, between two frequencies."""
    taps = firwin(2047, (low, high), pass_zero=False, fs=RATE)[:, None]
    return np.asarray(oaconvolve(samples, taps, mode="same", axes=0))


def _noise(snr_db: float) -> Change:
    """Noise of the band at a ratio to the power of the loudest second."""

    def change(samples: Samples, rng: Rng) -> np.ndarray:
        noise = rng.standard_normal(samples.shape)
        return samples + noise * np.sqrt(_loudest(samples) / 10 ** (snr_db / 10))

    return change


def _loudest(samples: np.ndarray) -> float:
    return max(float(np.mean(samples[start : start + RATE] ** 2)) for start in range(0, len(samples), RATE)) + 1e-12


def _hum(samples: Samples, rng: Rng) -> np.ndarray:
    time = np.arange(len(samples)) / RATE
    tones = sum(np.sin(2 * np.pi * 100 * k * time + rng.uniform(0, 6)) / k for k in (1, 2, 3, 5))
    return samples + tones[:, None] * np.sqrt(_loudest(samples)) * 1.2


def _clicks(samples: Samples, rng: Rng) -> np.ndarray:
    clicks = np.zeros(len(samples))
    clicks[RATE // 10 :: RATE // 6] = 1
    return samples + clicks[:, None] * np.sqrt(_loudest(samples)) * 100


def _dropouts(samples: Samples, rng: Rng) -> np.ndarray:
    time = np.arange(len(samples)) / RATE
    return samples * ~((time % 0.3 > 0.1) & (time % 0.3 < 0.18))[:, None]


def _pre_echo(samples: Samples, rng: Rng) -> np.ndarray:
    """Spectra of long blocks quantised; heard in the .1 s before every attack only, as later noise is masked."""
    noisy = distort(samples.astype(np.float32), RATE, "pre-echo", 5, seed=int(rng.integers(1 << 30)))
    soon = maximum_filter1d((_rises(samples) > ATTACK_DB).astype(float), 10, origin=-5)  # within the next .1 s
    mix = np.interp(np.arange(len(samples)), np.arange(len(soon)) * RATE / 100, soon)[:, None]
    return samples + mix * (noisy - samples)


def _smeared(samples: Samples, rng: Rng) -> np.ndarray:
    """Envelopes of narrow bands smoothed over .25 s; phases are kept."""
    spectrogram = Spectrogram(RATE, 0.01)
    spectra = spectrogram.of(samples.astype(np.float32))
    power = np.abs(spectra) ** 2
    smooth = uniform_filter1d(power, 101, axis=-1, mode="nearest")
    return spectrogram.back(spectra * np.sqrt(smooth / np.maximum(power, 1e-20)), len(samples))


DAMAGES = {
    "band removed": Damage("missing", "middle", lambda samples, rng: 0 * samples),
    "dropouts": Damage("missing", None, _dropouts),
    "noise": Damage("added", "middle", _noise(0)),
    "soft noise": Damage("added", "upper", _noise(10)),
    "hum": Damage("added", "lower", _hum),
    "clicks": Damage("added", "upper", _clicks),
    "pre-echo": Damage("smeared", "upper", _pre_echo, attack=True),
    "smoothed envelopes": Damage("smeared", "middle", _smeared, attack=True),
    "mono": Damage("image", "middle", lambda samples, rng: samples.mean(axis=1, keepdims=True) + 0 * samples),
    "swapped": Damage("image", None, lambda samples, rng: samples[:, ::-1]),
    "gain of -6 dB": Damage("level", None, lambda samples, rng: samples / 2),
    "low-pass": Damage("bandwidth", "upper", lambda samples, rng: samples - band(samples, 7000, 23_000)),
}


def damaged(clip: Samples, damage: Damage, seed: int) -> tuple[Samples, int] | None:
    """Damage one second of a clip, (frames, 2) at 48 kHz; returns the result and the second, None without an attack."""
    wide = damage.third is None or damage.kind == "bandwidth"
    part = clip.astype(np.float64) if wide else band(clip, *BANDS[str(damage.third)])
    second = _place(part if damage.third != "upper" else band(clip, *BANDS["upper"]), damage.attack)
    if second is None:
        return None
    changed = damage.change(part, np.random.default_rng(seed))
    if not wide:  # what the change adds outside its band is not wanted
        changed = band(changed, *BANDS[str(damage.third)])
    time = np.arange(len(clip)) / RATE
    inside = np.clip(np.minimum(time - second, second + 1 - time) / 0.01, 0, 1)[:, None]
    return (clip + inside * (changed - part)).astype(np.float32), second


def _place(part: np.ndarray, attack: bool) -> int | None:
    """The second of a clip, not at its ends, that is loudest or has the sharpest attack, if one is sharp."""
    if not attack:
        seconds = part[: len(part) // RATE * RATE].reshape(-1, 2 * RATE)[1:-1]
        return 1 + int(np.argmax(np.square(seconds).sum(axis=1)))
    rises = _rises(part)
    rises = rises[: len(rises) // 100 * 100].reshape(-1, 100)[1:-1, 20:80].max(axis=1)
    return 1 + int(np.argmax(rises)) if rises.max() > ATTACK_DB else None


def _rises(samples: np.ndarray) -> np.ndarray:
    """Rise of the level over 30 ms, in dB, every 10 ms."""
    blocks = np.square(samples[: len(samples) // 480 * 480]).sum(axis=1).reshape(-1, 480).sum(axis=1)
    levels = 10 * np.log10(blocks + 1e-4 * blocks.max())
    return levels - np.concatenate([levels[:3], levels[:-3]])


def clips(seed: int, count: int, files: list[Path] | None) -> Iterator[tuple[str, Samples]]:
    """Clips of 10 s at 48 kHz, (frames, 2): of the files, else computed ones."""
    for path in files or ():
        audio = read(path)
        yield path.stem, resample(to_stereo(audio.samples), audio.sample_rate, RATE)[: CLIP_S * RATE]
    for number in range(6 * count) if not files else ():
        yield f"{seed}/{number}", resample(compose(seed, CLIP_S, number), SAMPLE_RATE, RATE)


def right(found: Explanation, damage: Damage, second: int) -> tuple[bool, bool, bool | None]:
    """Tell if the kind, the second and the third are right; the third is None for damage of the whole spectrum."""
    third = None if damage.third is None else max(found.thirds, key=found.thirds.__getitem__) == damage.third
    return found.first == damage.kind, abs(found.worst.start_s - second) <= 0.5, third


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--clips", type=int, default=5)
    parser.add_argument("--music", type=Path, nargs="+")
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    rows: dict[str, list[tuple[bool, bool, bool | None]]] = {name: [] for name in DAMAGES}
    for title, clip in clips(arguments.seed, arguments.clips, arguments.music):
        for number, (name, damage) in enumerate(DAMAGES.items()):
            if len(rows[name]) == arguments.clips or (made := damaged(clip, damage, number)) is None:
                continue
            found = deepaq.explain(clip, made[0], sample_rate=RATE)
            if found.score.mos > TOP - AUDIBLE_MOS:
                continue
            rows[name].append(right(found, damage, made[1]))
            if arguments.all and False in rows[name][-1]:
                kinds = {kind: round(share, 2) for kind, share in found.kinds.items() if share > 0.01}
                thirds = {third: round(share, 2) for third, share in found.thirds.items()}
                print(f"{title}, {name} in second {made[1]}: {kinds}, {thirds}, from {found.worst.start_s:.1f} s")
        if all(len(results) == arguments.clips for results in rows.values()):
            break
    print(f"{'damage':<20}{'kind':<11}{'third':<8}{'kind right':>11}{'second right':>14}{'third right':>13}")
    for name, results in rows.items():
        damage, count = DAMAGES[name], len(results)
        figures = [f"{sum(result[place] or 0 for result in results)}/{count}" for place in range(3)]
        figures[2] = "-" if damage.third is None else figures[2]
        print(f"{name:<20}{damage.kind:<11}{damage.third or 'all':<8}{figures[0]:>11}{figures[1]:>14}{figures[2]:>13}")
    every = [result for results in rows.values() for result in results]
    for place, word in enumerate(("kind", "second", "third")):
        known = [result[place] for result in every if result[place] is not None]
        print(f"{word} right: {sum(map(bool, known))} of {len(known)} ({np.mean(known):.0%})")


if __name__ == "__main__":
    main()
