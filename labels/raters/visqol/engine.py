"""ViSQOL for many degraded signals of one reference; work that depends only on the reference is done once.

The steps are those of visqol-python (Apache-2.0), a port of the C++ program. By the definition of the envelope that it
is given, values agree to better than 1e-6 with the program or with the package. Every choice (a delay, the position of
a patch, the larger of two similarities) is made here only if it is clear beyond the rounding of either computation.
Otherwise the degraded signal is rated by the package with the same envelope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from visqol.audio_utils import AudioSignal
from visqol.gammatone import convert_to_db
from visqol.nsim import PatchSimilarityResult, measure_patch_similarity
from visqol.patch_selector import _calc_max_num_patches, slice_signal

from deepaq.errors import UserError
from labels.raters.visqol import package, search
from labels.raters.visqol.alignment import PROGRAM, Envelope, Floating, Target, lags
from labels.raters.visqol.gammatone import Reals, filterbank, frame_count
from labels.raters.visqol.mode import AUDIO, HOP_S, SEARCH_RADIUS, Mode
from labels.raters.visqol.score import Score

PATH_MARGIN = 1e-7  # in summed similarity; rounding in the search stays below 1e-9
FLOOR_DB, RANGE_DB = -45.0, 45.0  # noise floors: of all frames, and below the louder signal's peak in a frame
CHOICE_MARGIN = 1e-8  # in the similarity of one patch


class _TooCloseError(Exception):
    """Raised for a choice that rounding could change."""


class Reference:
    """A reference signal, mono at the mode's rate, prepared to rate degraded signals."""

    def __init__(self, samples: Floating, mode: Mode = AUDIO, envelope: Envelope = PROGRAM) -> None:
        self.mode, self.envelope = mode, envelope
        self._signal = _Signal(AudioSignal(samples, mode.sample_rate).data, mode)
        self._power = _power(self._signal.samples)
        self._target = Target(self._signal.samples, envelope)
        self._starts = package.patch_frames(self._signal.samples, mode)
        self._patches = [_Patch(self._signal, start, envelope) for start in self._starts]

    def score(self, samples: Floating) -> Score:
        """Rate one degraded signal; raises UserError if it is too short or too different to be matched."""
        (lag,) = lags([self._target], [samples])
        try:
            results = self._results(self._fitted(np.asarray(samples, np.float64), lag))
        except _TooCloseError:
            results = package.measure(self._signal.samples, samples, self.mode, self.envelope)
        return Score.of(results, self._starts, self.mode)

    def _fitted(self, samples: Reals, lag: int) -> _Signal:
        """A degraded signal, delayed and scaled to fit the reference."""
        aligned = samples[-lag:] if lag < 0 else np.concatenate([np.zeros(lag), samples])
        if len(aligned) <= self.mode.window:
            raise UserError(f"the degraded signal is too short: {len(aligned)} samples overlap with the reference")
        power = _power(aligned)
        return _Signal(aligned * (math.sqrt(self._power / power) if power else math.nan), self.mode)

    def _results(self, version: _Signal) -> list[PatchSimilarityResult]:
        """Results of the patches, as in visqol-python's core before averaging."""
        reference, degraded = _floored(self._signal.decibels, version.decibels)
        width = self.mode.patch_frames
        count = _calc_max_num_patches(self._starts, degraded.shape[1], width)
        if count == 0:
            raise UserError("the degraded signal is too short to match any part of the reference")
        starts = np.array(self._starts[:count])
        patches = np.stack([reference[:, start : start + width] for start in starts])
        path = search.find(patches, starts, degraded, SEARCH_RADIUS * width)
        if path.margin < PATH_MARGIN:
            raise _TooCloseError
        padded = np.pad(degraded, ((0, 0), (0, width)))
        results = []
        for patch, known, offset, lost in zip(patches, self._patches, path.offsets, path.lost, strict=False):
            result = measure_patch_similarity(patch, padded[:, offset : offset + width])
            result.ref_patch_start_time, result.ref_patch_end_time = known.start_s, known.end_s
            if lost:
                result.similarity, result.freq_band_means = 0.0, np.zeros(self.mode.bands)
            results.append(result)
        found = [index for index, lost in enumerate(path.lost) if not lost]
        pieces = [version.piece(int(path.offsets[index]) * HOP_S) for index in found]
        delays = lags([self._patches[index].target for index in found], [piece.samples for piece in pieces])
        for index, piece, lag in zip(found, pieces, delays, strict=True):
            results[index] = self._patches[index].refine(results[index], version, piece, lag)
        return results


@dataclass(frozen=True)
class _Piece:
    """Samples of a signal and their start in it; no start if silence was prepended."""

    samples: Reals
    start: int | None


class _Signal:
    """A signal, (samples,), and its spectrogram in dB, (bands, frames)."""

    def __init__(self, samples: Reals, mode: Mode) -> None:
        self.samples, self.mode = samples, mode
        self.decibels: Reals = convert_to_db(filterbank(mode).spectrogram(samples))

    def piece(self, start_s: float) -> _Piece:
        """Samples that visqol-python selects for a patch at this time, rounding errors included."""
        rate, end_s = self.mode.sample_rate, start_s + self.mode.patch_s
        samples = slice_signal(AudioSignal(self.samples, rate), start_s, end_s).data
        return _Piece(samples, int(start_s * rate) if end_s * rate <= len(self.samples) else None)

    def frames(self, piece: _Piece) -> Reals:
        """Spectrogram of a piece in dB; columns of the whole if it starts on the whole's grid."""
        if piece.start is None or piece.start % self.mode.hop:
            return _Signal(piece.samples, self.mode).decibels
        first = piece.start // self.mode.hop
        return self.decibels[:, first : first + frame_count(len(piece.samples), self.mode)]


def _floored(reference: Reals, degraded: Reals) -> tuple[Reals, Reals]:
    """Spectrograms in dB as the C++ program compares them: above the noise floors, and the lowest value moved to 0."""
    pair = [np.maximum(decibels, FLOOR_DB) for decibels in (reference, degraded)]
    common = [decibels[:, : min(reference.shape[1], degraded.shape[1])] for decibels in pair]
    floor = np.maximum(common[0].max(axis=0), common[1].max(axis=0)) - RANGE_DB
    for decibels in common:
        np.maximum(decibels, floor, out=decibels)
    lowest = min(pair[0].min(), pair[1].min())
    return pair[0] - lowest, pair[1] - lowest


def _power(samples: Reals) -> float:
    """Mean square of (samples,)."""
    return float(np.mean(np.square(samples)))  # a dot product would depend on the number of threads


class _Patch:
    """A patch of the reference and the samples that it was computed from."""

    def __init__(self, reference: _Signal, frame: int, envelope: Envelope) -> None:
        self._mode, self._reference, self._envelope = reference.mode, reference, envelope
        self.start_s = frame * HOP_S
        self.end_s = self.start_s + self._mode.patch_s
        self._piece = reference.piece(self.start_s)
        self._spectrograms: dict[int, Reals] = {}

    @cached_property
    def target(self) -> Target:
        return Target(self._piece.samples, self._envelope)

    def refine(self, result: PatchSimilarityResult, version: _Signal, piece: _Piece, lag: int) -> PatchSimilarityResult:
        """The better of a patch's result and its result when the matching piece is delayed by `lag` samples."""
        degraded, start, skipped = piece.samples, piece.start, 0
        if lag < 0:
            degraded, start = degraded[-lag:], None if start is None else start - lag
        elif lag > 0:
            degraded = np.concatenate([np.zeros(lag), degraded])
            if len(degraded) > len(self._piece.samples):
                # Rounding may give lag - 1, as in the package.
                skipped = int(lag / self._mode.sample_rate * self._mode.sample_rate)
            degraded, start = degraded[skipped:], start if skipped == lag else None
        length = min(len(self._piece.samples) - skipped, len(degraded))
        if length <= self._mode.window:
            return result
        frames = self._frames(skipped, length), version.frames(_Piece(degraded[:length], start))
        refined: PatchSimilarityResult = measure_patch_similarity(*_floored(*frames))
        if abs(refined.similarity - result.similarity) < CHOICE_MARGIN and not np.allclose(
            refined.freq_band_means, result.freq_band_means, rtol=0, atol=CHOICE_MARGIN
        ):
            raise _TooCloseError
        if refined.similarity < result.similarity:
            return result
        refined.ref_patch_start_time = self.start_s + max(lag, 0) / self._mode.sample_rate
        refined.ref_patch_end_time = refined.ref_patch_start_time + length / self._mode.sample_rate
        return refined

    def _frames(self, skipped: int, length: int) -> Reals:
        """Spectrogram in dB of `length` samples of the patch from `skipped`: (bands, frames)."""
        if skipped not in self._spectrograms:
            start = None if self._piece.start is None else self._piece.start + skipped
            rest = _Piece(self._piece.samples[skipped:], start)
            self._spectrograms[skipped] = self._reference.frames(rest)
        return self._spectrograms[skipped][:, : frame_count(length, self._mode)]
