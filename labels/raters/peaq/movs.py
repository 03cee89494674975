"""The 11 model output variables of the basic version (ITU-R BS.1387-1, annex 2, section 4; Kabal 2003, section 4).

Implementations differ. This one starts analysis frames at the first sample and counts those that touch the reference's
data (five successive samples of a channel whose magnitudes sum to more than 200 of 32768); ignores modulation and
loudness in the first half second; truncates detection steps; sets ADB to -0.5 if every audible error is smaller than a
step; and does not clamp variables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, rfft

from deepaq.audio import Samples
from deepaq.errors import UserError
from labels.raters.peaq import ear, patterns
from labels.raters.peaq.ear import Reals

_Flags = npt.NDArray[np.bool_]

_FULL_SCALE = 32_768.0
_CHUNK = 256  # analysis frames whose spectra are in memory at a time
_FLOOR_BIN = 921  # from 21.6 kHz the spectrum counts as noise
_LEAST_BANDWIDTH = 346  # bins; steps whose reference has less do not count
_LAGS = 256
_DELAY = 24  # steps: half a second
_ONSET = 3  # steps: 50 ms
_WINDOW = 4  # steps: 100 ms


@dataclass(frozen=True)
class _Spectral:
    """Quantities derived from the spectra, (steps, channels, ...)."""

    reference: Reals  # spread excitation, not smeared: bands
    test: Reals
    noise: Reals  # energy of the difference of magnitudes: bands
    bandwidths: Reals  # those of reference and test, in bins: 2
    harmonics: Reals


def model_output_variables(reference: Samples, test: Samples) -> dict[str, float]:
    """Compute the variables named by `network.VARIABLES`.

    reference, test: equally long and aligned, (frames, channels) at 48 kHz, full scale 1. Raises UserError if too
    little of the reference is audible.
    """
    if reference.shape[1] == 2 and all(np.array_equal(both[:, 0], both[:, 1]) for both in (reference, test)):
        reference, test = reference[:, :1], test[:, :1]  # identical channels give the same result as one
    found = _spectral(reference, test)
    first, last = _bounds(reference)
    late = slice(max(first, _DELAY), last)
    if late.stop - late.start < _WINDOW:
        raise UserError("less than 0.1 s of the reference is audible after its first half second; PEAQ needs more")
    counted = slice(first, last)
    smeared, smeared_test = patterns.smear(found.reference), patterns.smear(found.test)
    values = _bandwidth(found.bandwidths[counted])
    values |= _masking(found.noise[counted], smeared[counted])
    values |= _detection(smeared[counted], smeared_test[counted])
    values["EHS"] = 1000 * _mean(found.harmonics[counted], _active(reference, test)[counted])
    modulation, modulation_test = patterns.modulation(found.reference), patterns.modulation(found.test)
    values |= _modulation(modulation, modulation_test, late)
    adapted, adapted_test = patterns.adapt(smeared, smeared_test)
    noise = patterns.noise_loudness(adapted, adapted_test, modulation.degree, modulation_test.degree)
    values["RmsNoiseLoud"] = _noise_loudness(noise[_heard(smeared, smeared_test, late)])
    return values


def _spectral(reference: Samples, test: Samples) -> _Spectral:
    steps = ear.count_steps(len(reference))
    parts = []
    for start in range(0, steps, _CHUNK):
        stop = min(start + _CHUNK, steps)
        raw, raw_test = (ear.magnitudes(samples, start, stop) for samples in (reference, test))
        bandwidths = _bandwidths(raw, raw_test)
        raw *= ear.outer_ear()
        raw_test *= ear.outer_ear()
        noise = ear.band_energies(raw - raw_test)
        parts.append((ear.excitation(raw), ear.excitation(raw_test), noise, bandwidths, _harmonics(raw, raw_test)))
    return _Spectral(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _bounds(reference: Samples) -> tuple[int, int]:
    """The first step that touches the data, and the one after the last."""
    magnitude = np.abs(reference)
    count = len(magnitude) - 4
    sums = np.sum([magnitude[lag : lag + count] for lag in range(5)], axis=0)
    places = np.flatnonzero((sums > 200 / _FULL_SCALE).any(axis=1))
    if not places.size:
        return 0, 0
    last = min((int(places[-1]) + 4) // ear.HOP + 1, ear.count_steps(len(reference)))
    return max(int(places[0]) // ear.HOP - 1, 0), last


def _active(reference: Samples, test: Samples) -> _Flags:
    """Flags of the frames whose newer half has energy in either signal: (steps, channels)."""
    blocks = ear.count_steps(len(reference)) + 1
    flags = np.zeros((blocks, reference.shape[1]), np.bool_)
    for samples in (reference, test):
        padded = np.zeros((blocks * ear.HOP, samples.shape[1]))
        padded[: len(samples)] = samples * _FULL_SCALE
        blocked = padded.reshape(blocks, ear.HOP, -1)
        flags |= np.einsum("bhc,bhc->bc", blocked, blocked) > 8000
    return flags[1:]


def _bandwidths(reference: Reals, test: Reals) -> Reals:
    """Highest bins at which the spectra exceed the test's floor by 10 dB (reference) and 5 dB (test); 0 for none."""
    floor = test[..., _FLOOR_BIN:-1].max(axis=-1, keepdims=True)
    bins = np.arange(1, _FLOOR_BIN + 1)
    first = np.where(reference[..., :_FLOOR_BIN] >= floor * 10 ** (10 / 20), bins, 0).max(axis=-1)
    second = np.where((test[..., :_FLOOR_BIN] >= floor * 10 ** (5 / 20)) & (bins <= first[..., None]), bins, 0)
    return np.stack([first, second.max(axis=-1)], axis=-1).astype(np.float64)


def _bandwidth(bandwidths: Reals) -> dict[str, float]:
    counted = bandwidths[..., 0] > _LEAST_BANDWIDTH
    return {"BandwidthRef": _mean(bandwidths[..., 0], counted), "BandwidthTest": _mean(bandwidths[..., 1], counted)}


def _harmonics(reference: Reals, test: Reals) -> Reals:
    """Harmonic structure of the error over frequency (section 4.8): (steps, channels).

    The highest value after the first valley of the power spectrum of the autocorrelation, without mean and Hann
    windowed, of the log ratio of the spectra up to 12 kHz.
    """
    kept = slice(0, 2 * _LAGS)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = 2 * np.log(test[..., kept] / reference[..., kept])
    error[~np.isfinite(error)] = 0
    size = 4 * _LAGS
    spectrum = np.conj(rfft(error[..., :_LAGS], size)) * rfft(error, size)
    product = irfft(spectrum, size)[..., :_LAGS]
    sums = np.cumsum(np.pad(np.square(error), [(0, 0)] * (error.ndim - 1) + [(1, 0)]), axis=-1)
    energy = sums[..., _LAGS : 2 * _LAGS] - sums[..., :_LAGS]
    scale = np.sqrt(energy[..., :1] * energy)
    correlation = np.divide(product, scale, out=np.ones_like(product), where=scale > 0)
    window = np.sqrt(8 / 3) / _LAGS * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_LAGS) / (_LAGS - 1)))
    power = np.square(np.abs(rfft((correlation - correlation.mean(axis=-1, keepdims=True)) * window)))
    return np.where(np.diff(power) > 0, power[..., 1:], 0).max(axis=-1)


def _masking(noise: Reals, reference: Reals) -> dict[str, float]:
    """Variables of the noise relative to the masking threshold of the reference."""
    bark = ear.BARK * np.arange(ear.BANDS)
    ratio = noise / reference * 10 ** (np.maximum(3, np.where(bark > 12, 0.25 * bark, 0)) / 10)
    disturbed = ratio.max(axis=-1) >= 10 ** (1.5 / 10)
    total = 10 * np.log10(ratio.mean(axis=(0, 2)))
    return {"TotalNMR": float(total.mean()), "RelDistFrames": float(disturbed.mean())}


def _detection(reference: Reals, test: Reals) -> dict[str, float]:
    """Variables of detection: steps above threshold and probability, by the better ear in every band."""
    reference_db, test_db = 10 * np.log10(reference), 10 * np.log10(test)
    level = np.maximum(0.3 * np.maximum(reference_db, test_db) + 0.7 * test_db, 1e-3)  # below: any error
    step = 5.95072 * (6.39468 / level) ** 1.71332
    step += np.polyval((9.01033e-11, 5.05622e-6, -0.00102438, 0.0550197, -0.198719), level)
    error = reference_db - test_db
    missed = 0.5 ** ((error / step) ** np.where(error > 0, 4, 6))
    probability = 1 - missed.min(axis=1).prod(axis=-1)
    steps = (np.abs(np.trunc(error)) / step).max(axis=1).sum(axis=-1)
    distorted = probability > 0.5
    mean = float(steps[distorted].mean()) if distorted.any() else 1.0
    filtered = highest = 0.0
    for value in probability:
        filtered = 0.9 * filtered + 0.1 * float(value)
        highest = max(highest, filtered)
    return {"ADB": float(np.log10(mean)) if mean > 0 else -0.5, "MFPD": highest}


def _modulation(reference: patterns.Modulation, test: patterns.Modulation, late: slice) -> dict[str, float]:
    """Differences of modulation, averaged with weights that grow with the reference's level above internal noise."""
    mean = reference.mean[late]
    weights = (mean / (mean + 100 * ear.INTERNAL_NOISE**0.3)).sum(axis=-1)
    weights /= weights.sum(axis=0)
    base = reference.degree[late]
    change = test.degree[late] - base
    difference = 100 * (np.abs(change) / (1 + base)).mean(axis=-1)
    signed = 100 * (np.where(change < 0, -0.1 * change, change) / (0.01 + base)).mean(axis=-1)
    windows = np.lib.stride_tricks.sliding_window_view(np.sqrt(difference), _WINDOW, axis=0).mean(axis=-1)
    return {
        "WinModDiff1": float(np.sqrt((windows**4).mean(axis=0)).mean()),
        "AvgModDiff1": float((weights * difference).sum(axis=0).mean()),
        "AvgModDiff2": float((weights * signed).sum(axis=0).mean()),
    }


def _heard(reference: Reals, test: Reals, late: slice) -> slice:
    """Steps from 50 ms after both signals first exceed 0.1 sone in a channel; all of `late` if they never do."""
    loud = (patterns.loudness(reference) > 0.1) & (patterns.loudness(test) > 0.1)
    onset = int(np.argmax(loud.any(axis=1))) + _ONSET if loud.any() else 0
    return slice(min(max(late.start, onset), late.stop - 1), late.stop)


def _noise_loudness(noise: Reals) -> float:
    return float(np.sqrt(np.square(noise).mean(axis=0)).mean())


def _mean(values: Reals, counted: _Flags) -> float:
    """Mean over the counted steps of each channel, then over channels; 0 for a channel without any."""
    sums = np.where(counted, values, 0).sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
    return float(sums.mean())
