"""The level at which a pair is compared, and the loudness that a degraded signal adds or lacks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from deepaq.audio.samples import block_energies
from deepaq.core.filterbank import SAMPLE_RATE
from deepaq.core.spectrum import Array, namespace

NOMINAL_DBFS = -26.0  # active level of the reference, the nominal level of ITU-T P.56 practice
_BLOCK, _HOP = round(0.4 * SAMPLE_RATE), round(0.1 * SAMPLE_RATE)
_ABSOLUTE, _RELATIVE = 10**-7.0, 10**-1.0  # gates of ITU-R BS.1770-5: -70 dBFS, and 10 dB below the mean
_EXPONENT = 0.23  # loudness over power, Zwicker and Fastl 1999, section 8.7
_THRESHOLD = 1e-9  # power of a band that is just audible, as the floor of the tracks


def nominal_gain(reference: npt.NDArray[np.float32]) -> float:
    """The factor that brings a reference, (frames,) at 48 kHz, to the nominal level of -26 dBFS; 1 if it is silent."""
    level = active_power(reference)
    return float(10 ** (NOMINAL_DBFS / 20) / level**0.5) if level > 0 else 1.0


def active_power(samples: npt.NDArray[np.float32]) -> float:
    """Mean power of the active parts of a signal, (frames,) at 48 kHz; 0 if there are none.

    Blocks of 400 ms every 100 ms and their two gates as in ITU-R BS.1770-5, without its frequency weighting.
    """
    if not len(samples):
        return 0.0
    energies = block_energies(samples, _HOP)
    total = np.concatenate([[0.0], np.cumsum(energies)])
    hops = min(_BLOCK // _HOP, len(energies))
    blocks = (total[hops:] - total[:-hops]) / min(hops * _HOP, len(samples))
    active = blocks[blocks > _ABSOLUTE]
    if not len(active):
        return 0.0
    return float(active[active > _RELATIVE * active.mean()].mean())


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
