"""The consensus of four measures that err differently (docs/truth.md): a label for training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepaq.audio import Samples, to_mono
from deepaq.core.filterbank import erb_bands
from labels.raters.peaq.movs import model_output_variables
from labels.raters.rater import Judge, Rater, Rating
from labels.raters.twof import two_f
from labels.raters.visqol import Visqol

LEVEL_DBFS = -26.0  # active level that the reference is brought to
FRAME, RANGE_DB = 2048, 45.0  # samples of a frame; frames this far below the loudest do not count as active
HOP = 960  # 50 steps a second
ENGINE = "fast"  # ViSQOL's when the spreads were measured and earlier labels made
FLOOR = 1e-9  # -90 dBFS in a band
_CONSTANT = 1e-6  # standard deviation in dB below which a band has no envelope

Bands = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a measure over ordinary damage, and +1 where more is better, else -1."""

    mean: float
    deviation: float
    sign: int


# Measured by tests/bench/consensus.py on 408 degraded clips of 4 s: eight recordings of shared music in 51 conditions.
SPREADS = {
    "log_erb": Spread(2.018, 2.731, -1),
    "nsim": Spread(0.9018, 0.1208, 1),
    "two_f": Spread(66.62, 29.47, 1),
    "envelopes": Spread(0.8968, 0.1362, 1),
}


IDENTITY = {"log_erb": 0.0, "nsim": 1.0, "two_f": 118.53, "envelopes": 1.0}


def consensus(measures: Mapping[str, float]) -> float:
    """Mean of the measures' standard scores over ordinary damage, the better ones higher."""
    return float(np.mean([s.sign * (measures[name] - s.mean) / s.deviation for name, s in SPREADS.items()]))


class Consensus(Rater):
    """Mean of four measures, each as its distance from the mean over ordinary damage in standard deviations.

    Before anything is compared, the reference is brought to an active level of -26 dBFS and the degraded signal's
    constant gain is removed. The measures, which are the extras:
    log_erb: difference in dB of the levels in 64 ERB bands, floored at -90 dBFS, mean over bands, RMS over time;
    nsim: ViSQOL's similarity before its mapping to MOS;
    two_f: the 2f-model's score, not clipped;
    envelopes: correlation over time of the levels in each band, mean over bands.
    """

    name = "consensus"
    scale = "standard deviations"
    sample_rate = 48_000
    channels = 2
    identity = consensus(IDENTITY)
    aligned = True
    shortest_s = 1.0

    def judge(self, reference: Samples) -> Judge:
        from deepaq.audio.level import gain

        self.check(reference, "reference")
        clean = reference * np.float32(10 ** ((LEVEL_DBFS - active_level(reference)) / 20))
        mid = to_mono(clean)
        levels, nsim = band_levels(mid), Visqol(ENGINE).judge(mid)

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            found = degraded / np.float32(gain(mid, to_mono(degraded)))
            compared = band_levels(to_mono(found))
            measures = {
                "log_erb": log_erb_difference(levels, compared),
                "nsim": nsim(to_mono(found)).extras["vnsim"],
                "two_f": two_f(model_output_variables(clean, found)),
                "envelopes": envelope_correlation(levels, compared),
            }
            return Rating(consensus(measures), measures)

        return rate

    def warm_up(self) -> None:
        Visqol(ENGINE).warm_up()

    def tools(self) -> dict[str, str]:
        return Visqol(ENGINE).tools()


def active_level(samples: Samples) -> float:
    """RMS level in dBFS of the frames within 45 dB of the loudest, of (frames, channels); the channels' mean power."""
    count = max(1, len(samples) // FRAME)
    parts = np.array_split(np.square(samples.astype(np.float64)).mean(axis=1), count)
    power = np.array([part.mean() for part in parts])
    return 10 * float(np.log10(power[power >= power.max() * 10 ** (-RANGE_DB / 10)].mean()))


def band_levels(samples: Samples) -> Bands:
    """(frames,) at 48 kHz -> (steps, 64): levels in dBFS of ERB bands in Hann windows, floored at -90 dBFS."""
    taper = np.hanning(FRAME + 1)[:-1]
    padded = np.pad(samples.astype(np.float64), (0, max(0, FRAME - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    power = np.square(np.abs(np.fft.rfft(frames * taper, axis=1))) @ erb_bands(64, FRAME)
    return np.asarray(10 * np.log10(power * 2 / (FRAME * np.square(taper).sum()) + FLOOR))


def log_erb_difference(reference: Bands, degraded: Bands) -> float:
    """Root mean square over time of the mean absolute difference in dB over bands."""
    return float(np.sqrt(np.square(np.abs(reference - degraded).mean(axis=1)).mean()))


def envelope_correlation(reference: Bands, degraded: Bands) -> float:
    """Mean over bands of the correlation over time, -1..1; bands in which the reference never changes do not count.

    A band in which only the degraded signal never changes counts as 0.
    """
    x, y = (levels - levels.mean(axis=0) for levels in (reference, degraded))
    heard = x.std(axis=0) > _CONSTANT
    if not heard.any():
        return 1.0 if np.allclose(reference, degraded) else 0.0
    product, scale = (x * y).sum(axis=0), np.sqrt(np.square(x).sum(axis=0) * np.square(y).sum(axis=0))
    steady = y.std(axis=0) <= _CONSTANT
    return float(np.where(steady, 0.0, product / np.where(steady, 1.0, np.maximum(scale, _CONSTANT)))[heard].mean())
