"""Align a degraded signal with its reference: integer lag, common part and difference in level.

Raters that compare samples, frames or blocks fail on pairs that are not aligned. Most coders delay, and an offset of a
few milliseconds costs more than the coding itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepaq.audio.channels import to_mono
from deepaq.audio.samples import Samples, inner, level_dbfs
from deepaq.errors import UserError
from deepaq.fourier import irfft, next_fast_len, rfft

LARGEST_LAG_S = 0.2  # delays of coders and editing
FAR_LAG_S = 3.0  # offsets of files that start elsewhere
SILENT_DBFS = -120.0  # level assigned to digital silence, to keep level differences finite

# Plain correlation (0) has broad peaks in tonal music; full whitening (1) finds inaudible residues of another signal.
_WHITENING = 0.6
_BLOCK = 1 << 18  # samples per block of the cross-spectrum; bounds memory for long files
_DISTINCT = 0.6  # largest ratio of second highest to highest peak in a reliable correlation
_TIED = 0.995  # peaks above this share of the highest count as equal; the nearest to 0 wins
_EXCERPT = 1 << 16  # samples from which a lag is tried first
_SAME = 0.9  # least normalised correlation at which that lag is accepted
_RELATED = 0.5  # least normalised correlation of signals without distinct peaks, such as steady tones
_FADE_S = 0.02
_HOP_S, _WINDOW_S, _BANDS = 0.001, 0.012, 16
_LEAST_DEVIATION = 0.1  # 1 dB

_Reals = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Aligned:
    """The common part of a pair.

    reference, degraded: parts of the arrays passed in, equally long, with unchanged levels.
    lag: samples by which the degraded signal was late; negative if it was early.
    """

    reference: Samples
    degraded: Samples
    lag: int

    @property
    def level_db(self) -> float:
        """RMS level of the degraded part minus that of the reference part; silence counts as -120 dBFS."""
        first, second = (max(level_dbfs(samples), SILENT_DBFS) for samples in (self.reference, self.degraded))
        return second - first


def align(
    reference: Samples,
    degraded: Samples,
    sample_rate: int,
    largest_lag_s: float = LARGEST_LAG_S,
    quick: bool = False,
) -> Aligned:
    """Find the lag of `degraded` and trim both signals to their common part.

    Both are (frames,) or (frames, channels) at `sample_rate` in Hz and may differ in length. The lag is searched within
    +-`largest_lag_s` seconds and, if the signals do not resemble each other there, within `FAR_LAG_S`. quick: accept
    the lag of the loudest 1.4 s if the whole signals are nearly the same at that lag; it may differ by a sample. Raises
    UserError if a signal is empty or not finite.
    """
    for samples, name in ((reference, "reference"), (degraded, "degraded signal")):
        if not len(samples):
            raise UserError(f"the {name} is empty")
        if not np.isfinite(samples).all():
            raise UserError(f"the {name} holds NaN or infinite samples")
    mono = to_mono(reference), to_mono(degraded)
    found = _quick_lag(*mono, sample_rate, largest_lag_s) if quick else None
    lag = find_lag(*mono, sample_rate, largest_lag_s) if found is None else found
    if found is None and similarity(*_common(*mono, lag)) < _RELATED:
        far = _far_lag(*mono, sample_rate)
        # At small lags, other evidence than a high correlation may have decided.
        if abs(far) > largest_lag_s * sample_rate and similarity(*_common(*mono, far)) > _RELATED:
            lag = far
    return Aligned(*_common(reference, degraded, lag), lag)


def find_lag(reference: Samples, degraded: Samples, sample_rate: int, largest_lag_s: float = LARGEST_LAG_S) -> int:
    """Samples by which `degraded` is late, both (frames,) at `sample_rate` in Hz; 0 if it cannot be determined.

    A distinct highest peak of the partially whitened cross-correlation, of either polarity, decides. Otherwise, as for
    vocoders that keep the sound but not the waveform, the envelopes of 16 bands decide. Periodic signals get the
    smallest lag that fits.
    """
    bound = _bound(reference, degraded, sample_rate, largest_lag_s)
    if bound < 1:
        return 0
    pair = _pair(reference, degraded, sample_rate)
    waveform = np.abs(_correlation(*pair, bound))
    if not waveform.any():
        return 0
    if _stands_out(waveform, round(0.002 * sample_rate)):
        return int(np.argmax(waveform)) - bound
    hop = max(round(_HOP_S * sample_rate), 1)
    first, second = (_envelopes(signal, sample_rate, hop) for signal in (reference, degraded))
    coarse = _correlation(first, second, -(-bound // hop))
    if coarse.any() and _stands_out(coarse, round(0.02 / _HOP_S)):
        shift = peak(coarse, int(np.argmax(coarse))) - len(coarse) // 2
        return int(np.clip(round(shift * hop), -bound, bound))
    lag = _nearest_peak(np.abs(_correlation(*pair, bound, whitening=0))) - bound
    return lag if similarity(*_common(reference, degraded, lag)) > _RELATED else 0


def _quick_lag(reference: Samples, degraded: Samples, sample_rate: int, largest_lag_s: float) -> int | None:
    """The lag of the loudest excerpt, None if the whole signals are not nearly the same at that lag."""
    bound = _bound(reference, degraded, sample_rate, largest_lag_s)
    if bound < 1 or len(reference) <= 2 * _EXCERPT:
        return None
    blocks = reference[: len(reference) // _EXCERPT * _EXCERPT].reshape(-1, _EXCERPT)
    start = int(np.argmax(np.einsum("bs,bs->b", blocks, blocks))) * _EXCERPT
    margin = np.pad(degraded[max(start - bound, 0) : start + _EXCERPT + bound], (max(bound - start, 0), 0))
    excerpt = _faded(reference[start : start + _EXCERPT], round(_FADE_S * sample_rate))
    waveform = np.abs(_correlation(np.pad(excerpt, (bound, bound))[:, None], margin[:, None], bound))
    if not waveform.any() or not _stands_out(waveform, round(0.002 * sample_rate)):
        return None
    lag = int(np.argmax(waveform)) - bound
    return lag if similarity(*_common(reference, degraded, lag)) > _SAME else None


def _far_lag(reference: Samples, degraded: Samples, sample_rate: int) -> int:
    """The lag within +-FAR_LAG_S at which the correlation of the waveforms is highest."""
    bound = _bound(reference, degraded, sample_rate, FAR_LAG_S)
    waveform = np.abs(_correlation(*_pair(reference, degraded, sample_rate), bound))
    return int(np.argmax(waveform)) - bound


def _bound(reference: Samples, degraded: Samples, sample_rate: int, largest_lag_s: float) -> int:
    """The largest lag to search, in samples."""
    return min(round(largest_lag_s * sample_rate), max(len(reference), len(degraded)) - 1)


def _pair(reference: Samples, degraded: Samples, sample_rate: int) -> tuple[Samples, Samples]:
    """Fade both signals and shape them as (frames, 1)."""
    length = round(_FADE_S * sample_rate)
    return _faded(reference, length)[:, None], _faded(degraded, length)[:, None]


def _correlation(reference: _Reals, degraded: _Reals, bound: int, whitening: float = _WHITENING) -> _Reals:
    """Cross-correlation of (frames, channels) signals, summed over channels, at the lags -bound ... bound.

    The cross-spectrum X is summed over blocks of the reference and divided by |X|^whitening.
    """
    blocks = -(-len(reference) // _BLOCK)
    block = -(-len(reference) // blocks)  # similar lengths, because each is transformed at the size of the longest
    size = next_fast_len(block + 2 * bound)
    cross = np.zeros(size // 2 + 1, np.result_type(reference, np.complex64))
    for start in range(0, len(reference), block):
        first = reference[start : start + block]
        begin, end = start - bound, start + len(first) + bound
        second = np.pad(degraded[max(begin, 0) : max(end, 0)], ((max(-begin, 0), 0), (0, 0)))
        cross += (rfft(second, size, axis=0) * np.conj(rfft(first, size, axis=0))).sum(axis=1)
    cross /= np.maximum(np.abs(cross), np.finfo(np.float32).tiny) ** whitening
    correlation: _Reals = irfft(cross, size)[: 2 * bound + 1]
    return correlation


def _faded(samples: Samples, length: int) -> Samples:
    """Fade both ends of (frames,) samples; whitening would amplify abrupt ends."""
    length = min(length, len(samples) // 2)
    faded = samples.astype(np.float32)
    ramp = np.sin(np.linspace(0, np.pi / 2, length, dtype=np.float32)) ** 2
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


def _stands_out(correlation: _Reals, radius: int) -> bool:
    """Tell if no value further than `radius` from the highest comes close to it."""
    best = int(np.argmax(correlation))
    others = np.concatenate([correlation[: max(best - radius, 0)], correlation[best + radius + 1 :]])
    return bool(others.size == 0 or others.max() <= _DISTINCT * correlation[best])


def peak(correlation: _Reals, best: int) -> float:
    """Interpolated position of the local maximum at `best`: that of a parabola through it and its neighbours."""
    if not 0 < best < len(correlation) - 1:
        return best
    before, here, after = correlation[best - 1 : best + 2]
    return best + 0.5 * float((before - after) / (before - 2 * here + after))


def _nearest_peak(correlation: _Reals) -> int:
    """Position of the local maximum nearest to the middle, among those as good as the highest."""
    padded = np.pad(correlation, 1)
    peaks = (correlation >= padded[:-2]) & (correlation >= padded[2:]) & (correlation >= _TIED * correlation.max())
    places = np.flatnonzero(peaks)
    return int(places[np.argmin(np.abs(places - len(correlation) // 2))])


def _envelopes(samples: Samples, sample_rate: int, hop: int) -> _Reals:
    """Log energies in bands from 150 Hz to 8 kHz every `hop` frames, standardised: (frames,) -> (steps, bands).

    Bands that hardly vary are set to zero, because they carry no timing.
    """
    width = round(_WINDOW_S * sample_rate)
    size = 1 << (width - 1).bit_length()
    edges = np.geomspace(150, min(8000, sample_rate / 2), _BANDS + 1)
    bins = np.unique(np.round(edges / sample_rate * size).astype(int))
    samples = np.pad(samples, (0, max(width - len(samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, width)[::hop]
    window = np.hanning(width).astype(np.float32)
    energy = np.concatenate(
        [
            np.add.reduceat(np.square(np.abs(rfft(part * window, size, axis=1))), bins[:-1], axis=1)
            for part in (frames[start : start + 4096] for start in range(0, len(frames), 4096))
        ]
    ).astype(np.float64)
    level = np.log10(energy + 1e-4 * energy.mean() + np.finfo(np.float32).tiny)
    level -= level.mean(axis=0)
    deviation = level.std(axis=0)
    scaled: _Reals = level * (deviation > _LEAST_DEVIATION) / np.maximum(deviation, _LEAST_DEVIATION)
    return scaled


def _common(reference: Samples, degraded: Samples, lag: int) -> tuple[Samples, Samples]:
    """The common part of two signals if `degraded` is late by `lag`."""
    reference, degraded = reference[max(-lag, 0) :], degraded[max(lag, 0) :]
    frames = min(len(reference), len(degraded))
    return reference[:frames], degraded[:frames]


def similarity(first: Samples, second: Samples) -> float:
    """Magnitude of the normalised correlation of two signals, 0 to 1; 0 if one is silent."""
    power = inner(first, first) * inner(second, second)
    return abs(inner(first, second)) / power**0.5 if power > 0 else 0.0
