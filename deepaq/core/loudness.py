"""The level at which a pair is compared, and the loudness that a degraded signal adds or lacks."""

from __future__ import annotations

from deepaq.arrays import Array, energies, namespace, padded, smaller
from deepaq.core.filterbank import SAMPLE_RATE

NOMINAL_DBFS = -26.0  # active level of the reference, the nominal level of ITU-T P.56 practice
_HOP, _HOPS = round(0.1 * SAMPLE_RATE), 4  # a block has four hops
_ABSOLUTE, _RELATIVE = 10**-7.0, 10**-1.0  # gates of ITU-R BS.1770-5: -70 dBFS, and 10 dB below the mean
_EXPONENT = 0.23  # loudness over power, Zwicker and Fastl 1999, section 8.7
_THRESHOLD = 1e-9  # power of a band that is just audible, as the floor of the tracks


def nominal_gain(reference: Array) -> Array:
    """The factor that brings a reference to the nominal level of -26 dBFS; 1 if it is silent.

    (..., frames) at 48 kHz -> (...).
    """
    level, nominal = active_power(reference), 10 ** (NOMINAL_DBFS / 10)
    return (nominal / namespace(level).where(level > 0, level, nominal)) ** 0.5


def active_power(samples: Array) -> Array:
    """Mean power of the active parts of a signal; 0 if there are none: (..., frames) at 48 kHz -> (...).

    Blocks of 400 ms every 100 ms and their two gates as in ITU-R BS.1770-5, without its frequency weighting.
    """
    xp, frames = namespace(samples), samples.shape[-1]
    signal = padded(samples, 0, _HOPS * _HOP)
    count = signal.shape[-1] // _HOP
    hops = signal[..., : count * _HOP].reshape(*samples.shape[:-1], count, _HOP)
    power = energies(hops)
    total = sum(power[..., start : count - _HOPS + 1 + start] for start in range(_HOPS))
    blocks = total / smaller(frames + (frames == 0), _HOPS * _HOP)
    number = xp.arange(count - _HOPS + 1)
    whole = (number == 0) | (number <= (frames + _HOP - 1) // _HOP - _HOPS)  # the first block may be shorter, no other
    active = whole & (blocks > _ABSOLUTE)
    return _mean(blocks, active & (blocks > _RELATIVE * _mean(blocks, active)[..., None]))


def _mean(values: Array, chosen: Array) -> Array:
    """Mean over the last axis of the values that are chosen; 0 if none are."""
    return (values * chosen).sum(-1) / namespace(values).clip(chosen.sum(-1), 1, None)


def loudness(power: Array) -> Array:
    """Specific loudness, in a unit of its own, of powers in ERB bands; 0 at the threshold of hearing."""
    return (power + _THRESHOLD) ** _EXPONENT - _THRESHOLD**_EXPONENT


def added_and_missing(reference: Array, degraded: Array) -> tuple[Array, Array, Array]:
    """Loudness that the degraded signal adds, that it lacks, and that the reference has.

    Powers of (..., steps, bands) -> three of (..., steps).
    """
    ours, theirs = loudness(reference), loudness(degraded)
    change = theirs - ours
    xp = namespace(change)
    return xp.clip(change, 0, None).sum(-1), xp.clip(-change, 0, None).sum(-1), ours.sum(-1)
