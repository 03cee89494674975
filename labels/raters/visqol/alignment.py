"""Delay between two signals: the lag at which their upper envelopes correlate best.

Envelopes are positive, so a circular correlation, whose wrapped part can only add, bounds the linear one from above and
equals it at lags within the padding. A clear maximum found there is therefore the maximum over all lags, at half the
transform length, and single precision suffices to tell that it is clear. Otherwise visqol-python's correlation in
double precision decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.fft

from labels.raters.visqol.envelope import Envelope, Floating, Floats, Reals

PADDING = 1 / 64  # share of the length within which lags are searched exactly
CLEAR = 5e-6  # lead required of the best lag, relative to the energies' geometric mean; rounding stays below 1e-6
BATCH = 2_000_000  # samples transformed together


class Target:
    """A reference signal, (samples,), whose envelope is prepared for correlation with those of degraded signals."""

    def __init__(self, samples: Reals, envelope: Envelope) -> None:
        self.samples, self.envelope = samples, envelope
        self.size = _fast_size(round(len(samples) * (1 + PADDING)))
        with _silenced():
            spectra, energies, sags = _transform(samples[None], self.size, envelope)
        self.spectrum, self.energy, self.sag = np.conj(spectra[0]), float(energies[0]), float(sags[0])


def _silenced() -> np.errstate:
    """Silence warnings about overflow in single precision; no maximum is clear then."""
    return np.errstate(over="ignore", invalid="ignore")


def lags(references: Sequence[Target], versions: Sequence[Floating]) -> list[int]:
    """Samples by which to delay each degraded signal to fit its reference; 0 if above half the reference's length."""
    found: dict[int, int | None] = {}
    for length in {len(version) for version in versions}:
        alike = [i for i, v in enumerate(versions) if len(v) == length == len(references[i].samples)]
        rows = max(1, BATCH // length)
        for start in range(0, len(alike), rows):
            batch = alike[start : start + rows]
            with _silenced():
                clear = _clear_lags([references[i] for i in batch], np.stack([versions[i] for i in batch]))
            found.update(zip(batch, clear, strict=True))
    return [
        _exact_lag(*pair) if (lag := found.get(i)) is None else lag
        for i, pair in enumerate(zip(references, versions, strict=True))
    ]


def _exact_lag(reference: Target, version: Floating) -> int:
    from visqol import signal_utils

    envelopes = [reference.envelope.exact(np.asarray(samples, np.float64)) for samples in (reference.samples, version)]
    lag = int(signal_utils.find_best_lag(*envelopes))
    return 0 if abs(lag) > len(reference.samples) / 2 else lag


def _clear_lags(references: Sequence[Target], versions: Floating) -> list[int | None]:
    """Lags of degraded signals, (signals, samples) -> (signals,); None if the best is not clear."""
    samples, size = versions.shape[1], references[0].size
    spectra, energies, sags = _transform(versions, size, references[0].envelope)
    for spectrum, reference in zip(spectra, references, strict=True):
        spectrum *= reference.spectrum
    correlations = scipy.fft.irfft(spectra, size, overwrite_x=True)
    found = []
    for correlation, reference, energy, sag in zip(correlations, references, energies, sags, strict=True):
        # A negative mean may pull an envelope below zero, so that the wrapped part may also subtract.
        wrapped = np.sqrt(samples) * (sag * np.sqrt(reference.energy) + reference.sag * np.sqrt(energy))
        found.append(_clear_lag(correlation, size - samples, CLEAR * np.sqrt(reference.energy * energy), wrapped))
    return found


def _clear_lag(correlation: Floats, exact: int, lead: float, wrapped: float) -> int | None:
    """The lag of the maximum, if it is at most `exact` and leads by `lead`. Late signals peak at the far end."""
    best = int(np.argmax(correlation))
    value, correlation[best] = correlation[best], 0
    near = max(correlation[: exact + 1].max(), correlation[-exact:].max())
    far = correlation[exact + 1 : -exact].max() + wrapped
    lag = -best if best <= exact else len(correlation) - best
    return lag if abs(lag) <= exact and value - max(near, far) > lead else None


def _transform(samples: Floating, size: int, envelope: Envelope) -> tuple[npt.NDArray[np.complex64], Reals, Reals]:
    """Spectra, energies and depths below zero of the envelopes of (rows, samples)."""
    envelopes = envelope.rows(samples)
    energies = np.array([np.dot(row, row) for row in envelopes], np.float64)
    return scipy.fft.rfft(envelopes, size), energies, np.maximum(0.0, -envelopes.min(axis=1).astype(np.float64))


def _fast_size(least: int) -> int:
    """The smallest transform length >= `least` that is a power of two times 1, 3, 5, 9, 15 or 45."""
    return min(factor << max(0, -(-least // factor) - 1).bit_length() for factor in (1, 3, 5, 9, 15, 45))
