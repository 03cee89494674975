"""Delay between two signals: the lag at which their upper envelopes correlate best.

The envelope is meant to be the magnitude of the analytic signal plus the mean, and visqol-python computes that. The
inverse transform of the C++ program returns the real part alone, which is the signal doubled and without its Nyquist
frequency: its envelope is the rectified signal. The lags of the two differ on some tonal and noisy signals.

Envelopes are positive, so a circular correlation, whose wrapped part can only add, bounds the linear one from above and
equals it at lags within the padding. A clear maximum found there is therefore the maximum over all lags, at half the
transform length, and single precision suffices to tell that it is clear. Otherwise visqol-python's correlation in
double precision decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

Reals = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Floating = npt.NDArray[np.floating]

LEAST_TRANSFORM = 32  # samples; the C++ program pads its transforms to a power of two
PADDING = 1 / 64  # share of the length within which lags are searched exactly
CLEAR = 5e-6  # lead required of the best lag, relative to the energies' geometric mean; rounding stays below 1e-6
BATCH = 2_000_000  # samples transformed together


@dataclass(frozen=True)
class Envelope:
    """A definition of the upper envelope. rows: for (rows, samples), in single precision. exact: for (samples,)."""

    rows: Callable[[Floating], Floats]
    exact: Callable[[Reals], Reals]


def rectified(samples: Floating, dtype: Any = np.float32) -> Any:
    """Envelope of the C++ program: (rows, samples) -> (rows, samples) of `dtype`."""
    length = samples.shape[1]
    means = samples.mean(axis=1, keepdims=True, dtype=np.float64)
    found = np.subtract(samples, means, dtype=dtype, casting="same_kind")
    size = max(LEAST_TRANSFORM, 1 << (length - 1).bit_length())
    nyquist = found[:, ::2].sum(axis=1, keepdims=True) - found[:, 1::2].sum(axis=1, keepdims=True)
    nyquist *= (1 if size == length else 2) / size
    found *= 2
    found[:, ::2] -= nyquist
    found[:, 1::2] += nyquist
    np.abs(found, out=found)
    found += means.astype(dtype)
    return found


def magnitude(samples: Floating) -> Floats:
    """Envelope of visqol-python: (rows, samples) -> (rows, samples) in single precision."""
    length = samples.shape[1]
    means = samples.mean(axis=1, keepdims=True, dtype=np.float64)
    centred = np.subtract(samples, means, dtype=np.float32, casting="same_kind")
    spectra = scipy.fft.rfft(centred)
    spectra *= np.complex64(-1j)
    spectra[:, 0] = 0
    if length % 2 == 0:
        spectra[:, -1] = 0
    envelopes: Floats = scipy.fft.irfft(spectra, length, overwrite_x=True)
    envelopes *= envelopes
    centred *= centred
    envelopes += centred
    np.sqrt(envelopes, out=envelopes)
    envelopes += means.astype(np.float32)
    return envelopes


def _exact_rectified(samples: Reals) -> Reals:
    envelope: Reals = rectified(samples[None], np.float64)[0]
    return envelope


def _exact_magnitude(samples: Reals) -> Reals:
    from visqol import signal_utils

    envelope: Reals = signal_utils.upper_envelope(samples)
    return envelope


PROGRAM = Envelope(rectified, _exact_rectified)
PACKAGE = Envelope(magnitude, _exact_magnitude)


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
    alike_by_length: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, (reference, version) in enumerate(zip(references, versions, strict=True)):
        if len(version) < reference.size:
            alike_by_length[len(reference.samples), len(version)].append(i)
    for lengths, alike in alike_by_length.items():
        rows = max(1, BATCH // max(lengths))
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
    """Lags of degraded signals, (signals, samples) -> (signals,), None where the best is not clear.

    The references are of one length, which may differ from that of the degraded signals.
    """
    samples, size = max(len(references[0].samples), versions.shape[1]), references[0].size
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
